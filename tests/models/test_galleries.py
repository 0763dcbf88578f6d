"""Galleries with their images, and attachments, replayed and live."""

from __future__ import annotations

import pytest

from backpack_orm import Attachment, Connection, Gallery, Image, NotFound, Page


def test_a_page_includes_its_galleries_and_their_images(account: Connection) -> None:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    (gallery,) = page.galleries
    assert gallery.name == "Last time"
    assert all(image.gallery is gallery for image in gallery.images)
    assert gallery.images[0].file_name.endswith(".jpg")
    assert account.stats.requests == 2


def test_galleries_and_images_are_found_on_all_pages(account: Connection) -> None:
    galleries = Gallery.all()
    assert account.stats.requests == 3
    assert {gallery.page.title for gallery in galleries} == {"Lisbon", "The garden"}
    images = Image.all()
    assert list(images) == [image for gallery in galleries for image in gallery.images]
    assert Image.find(images[-1].id) == images[-1]
    assert Image.find_by(file_name=images[0].file_name) == images[0]
    assert account.stats.requests == 3


def test_galleries_and_images_of_a_page_are_listed(account: Connection) -> None:
    page = Page.find_by(title="The garden")
    assert page is not None
    assert [gallery.page_id for gallery in Gallery.all(page=page)] == [page.id]
    images = Image.all(page=page)
    assert images
    assert {image.gallery.name for image in images} == {""}
    assert Image.find(images[0].id, page=page) == images[0]
    assert account.stats.requests == 2


def test_galleries_and_images_are_read_again(account: Connection) -> None:
    image = Image.all(page=Page.find_by(title="Lisbon"))[0]
    name = image.file_name
    assert image.reload().file_name == name
    assert image.gallery.reload().name == "Last time"


def test_attachments_are_found_on_a_page_and_on_all(account: Connection) -> None:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    assert [each.file_name for each in page.attachments] == [
        "itinerary.pdf",
        "seguro de viagem – cópia.pdf",
    ]
    assert list(Attachment.all(page=page)) == list(page.attachments)
    assert [each.page.title for each in Attachment.all()] == [
        "Lisbon",
        "Lisbon",
        "Kitchen renovation",
    ]
    found = Attachment.find_by(file_name="plan-v3.dwg")
    assert found is not None
    assert Attachment.find(found.id).reload().file_name == "plan-v3.dwg"
    with pytest.raises(NotFound, match="no Attachment 7 on any page"):
        Attachment.find(7)


def test_what_the_api_cannot_do_is_no_method() -> None:
    for model in (Gallery, Image, Attachment):
        for verb in ("create", "save", "destroy"):
            assert not hasattr(model, verb)
