"""What a resource declares: fields, projections, and the metaclass that makes slots of them."""
