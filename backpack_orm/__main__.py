"""`python -m backpack_orm`: the command line `backpack`."""

from backpack_orm.cli import main

if __name__ == "__main__":
    main()
