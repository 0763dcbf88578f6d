"""Pages over HTTP: literal responses, and what the calls do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client, matched

XML = '<?xml version="1.0" encoding="UTF-8"?>'
DONE = XML + '<response success="true"></response>'


def test_an_account_without_pages_has_an_empty_list_response(api: Client) -> None:
    assert api.ws("pages/all") == f'{XML}\n<response success="true"><pages></pages></response>'


def test_creating_a_page_returns_title_and_id(api: Client) -> None:
    response = api.ws("pages/new", "<page><title>Lisbon</title></page>")
    assert response == (
        f'{XML}\n<response success="true"><page title="Lisbon" id="40000002"/></response>'
    )


def test_pages_are_listed_with_their_scope_in_order_of_creation(api: Client) -> None:
    for title in ("Zebra", "Ape"):
        api.ws("pages/new", f"<page><title>{title}</title></page>")
    assert api.ws("pages/all") == (
        f'{XML}\n<response success="true"><pages>'
        '<page scope="personal" title="Zebra" id="40000002"/>'
        '<page scope="personal" title="Ape" id="40000003"/>'
        "</pages></response>"
    )


def test_an_empty_page_shows_only_its_attributes(api: Client, page: str) -> None:
    assert re.fullmatch(
        re.escape(XML) + r'\n<response success="true">'
        r'<page title="Lisbon" id="40000002" email_address="[0-9a-f]{8}@backpackit\.com"></page>'
        r"</response>",
        api.ws(page),
    )


def test_a_body_in_a_page_request_is_ignored(api: Client, page: str) -> None:
    assert api.ws(page, "<belongings/>") == api.ws(page)


def test_a_full_page_shows_its_sections_in_the_order_of_the_service(demo: Client) -> None:
    shown = demo.ws("page/40000004")
    sections = re.findall(
        "<(description|belongings|tags|lists|notes|galleries|attachments|separators|emails)>", shown
    )
    assert sections == [
        "description",
        "belongings",
        "tags",
        "lists",
        "notes",
        "galleries",
        "attachments",
        "separators",
        "emails",
    ]


def test_a_belonging_has_its_own_id_a_position_and_a_widget(demo: Client) -> None:
    assert (
        '<belongings><belonging id="40000009"><position>1</position>'
        '<widget type="Note" id="40000008"/></belonging>'
    ) in demo.ws("page/40000004")


def test_every_type_of_widget_is_a_belonging(demo: Client) -> None:
    kinds = set(re.findall('<widget type="([A-Za-z]+)"', demo.ws("page/40000004")))
    assert kinds == {"Note", "List", "Separator", "Gallery", "Asset", "WriteboardLink", "Email"}


@pytest.mark.parametrize(
    "part",
    [
        '<tags><tag name="Travel" id="40000005"/><tag name="Long weekends" id="40000006"/>',
        '<list name="Packing" id="40000010"><items>'
        '<item completed="false" id="40000012" list_id="40000010">Walking shoes</item>',
        '<galleries><gallery name="Last time" id="40000030"><images>'
        '<image gallery_id="40000030" file_name="miradouro.jpg" id="40000032" '
        'description="The view from Gra&#231;a"/>',
        '<attachments><attachment file_name="itinerary.pdf" id="40000035"/>',
        '<separators><separator id="40000026">On the way</separator></separators>',
        '<email subject="Re: Your reservation" id="40000043" created_at="2031-03-02 07:30:15">'
        "Five, if there is room. Thank you!</email>",
        '<note title="" id="40000028" created_at="2031-02-27 04:30:15">',
    ],
)
def test_a_full_page_is_written_as_the_service_does(demo: Client, part: str) -> None:
    assert part in demo.ws("page/40000004")


def test_a_title_can_be_changed(api: Client, page: str) -> None:
    assert api.ws(f"{page}/update_title", "<page><title>Porto</title></page>") == DONE
    assert '<page title="Porto"' in api.ws(page)


def test_a_description_can_be_created_and_changed(api: Client) -> None:
    api.ws("pages/new", "<page><title>A</title><description>Old *text*</description></page>")
    assert "<description>Old *text*</description>" in api.ws("page/40000002")
    changed = api.ws("page/40000002/update_body", "<page><description>New</description></page>")
    assert changed == DONE
    assert "<description>New</description>" in api.ws("page/40000002")


def test_an_empty_description_is_left_out(api: Client, page: str) -> None:
    api.ws(f"{page}/update_body", "<page><description></description></page>")
    assert "description" not in api.ws(page)


def test_an_update_preserves_omitted_fields(api: Client) -> None:
    api.ws("pages/new", "<page><title>A</title><description>B</description></page>")
    api.ws("page/40000002/update_title", "<page/>")
    shown = api.ws("page/40000002")
    assert 'title="A"' in shown
    assert "<description>B</description>" in shown


def test_a_destroyed_page_is_gone(api: Client, page: str) -> None:
    assert api.ws(f"{page}/destroy") == DONE
    assert "Record not found" in api.ws(page, status=404)
    assert "Record not found" in api.ws(f"{page}/destroy", status=404)
    assert "<pages></pages>" in api.ws("pages/all")


def test_a_page_with_everything_on_it_can_be_destroyed(api: Client, page: str) -> None:
    api.ws(f"{page}/items/add", "<item><content>Socks</content></item>")
    api.ws(f"{page}/notes/create", "<note><title>N</title></note>")
    api.ws(f"{page}/tags/tag", "<tags>A B</tags>")
    api.ws(f"{page}/share", "<email_addresses>a@x</email_addresses>")
    api.ws("pages/new", "<page><title>Other</title></page>")
    other = matched(r'"Other" id="(\d+)"', api.ws("pages/all"))
    api.ws(f"{page}/link", f"<linked_page_id>{other}</linked_page_id>")
    api.ws(f"page/{other}/link", "<linked_page_id>40000002</linked_page_id>")
    assert api.ws(f"{page}/destroy") == DONE
    assert "linked_pages" not in api.ws(f"page/{other}")


class TestReordering:
    @pytest.fixture
    def belongings(self, api: Client, page: str) -> list[str]:
        for name in ("One", "Two", "Three"):
            api.ws(f"{page}/notes/create", f"<note><title>{name}</title></note>")
        return self.order(api, page)

    def order(self, api: Client, page: str) -> list[str]:
        return re.findall(r'<belonging id="(\d+)">', api.ws(page))

    def test_new_widgets_go_to_the_top(self, api: Client, page: str, belongings: list[str]) -> None:
        assert belongings == sorted(belongings, key=int, reverse=True)

    def test_belongings_are_in_the_given_order(
        self, api: Client, page: str, belongings: list[str]
    ) -> None:
        wanted = [belongings[1], belongings[2], belongings[0]]
        done = api.ws(f"{page}/reorder", f"<belongings>{' '.join(wanted)}</belongings>")
        assert done == DONE
        assert self.order(api, page) == wanted

    def test_omitted_belongings_follow_in_their_previous_order(
        self, api: Client, page: str, belongings: list[str]
    ) -> None:
        first, second, third = belongings
        api.ws(f"{page}/reorder", f"<belongings>{third}</belongings>")
        assert self.order(api, page) == [third, first, second]

    def test_positions_are_counted_from_one_without_gaps(
        self, api: Client, page: str, belongings: list[str]
    ) -> None:
        api.ws(f"{page}/reorder", f"<belongings>{belongings[2]}</belongings>")
        assert re.findall(r"<position>(\d+)<", api.ws(page)) == ["1", "2", "3"]

    def test_a_destroyed_widget_leaves_no_gap(
        self, api: Client, page: str, belongings: list[str]
    ) -> None:
        notes = re.findall(r'<widget type="Note" id="(\d+)"', api.ws(page))
        api.ws(f"{page}/notes/destroy/{notes[1]}")
        assert re.findall(r"<position>(\d+)<", api.ws(page)) == ["1", "2"]

    def test_a_repeated_belonging_has_its_first_position(
        self, api: Client, page: str, belongings: list[str]
    ) -> None:
        first, second, third = belongings
        api.ws(f"{page}/reorder", f"<belongings>{third} {first} {third}</belongings>")
        assert self.order(api, page) == [third, first, second]

    def test_an_unknown_id_changes_nothing(
        self, api: Client, page: str, belongings: list[str]
    ) -> None:
        response = api.ws(f"{page}/reorder", f"<belongings>{belongings[2]} 7</belongings>", 404)
        assert "Record not found" in response
        assert self.order(api, page) == belongings

    @pytest.mark.parametrize("body", ["", "<belongings/>", "<belongings>one two</belongings>"])
    def test_a_reorder_needs_ids(
        self, api: Client, page: str, belongings: list[str], body: str
    ) -> None:
        assert "Internal error" in api.ws(f"{page}/reorder", body, 500)


class TestDuplicating:
    def test_a_copy_has_a_marked_title_and_its_own_ids(self, api: Client, page: str) -> None:
        response = api.ws(f"{page}/duplicate")
        assert response == (
            f'{XML}\n<response success="true">'
            '<page title="Lisbon (copy)" id="40000003"/></response>'
        )

    def test_a_copy_has_the_same_contents_in_the_same_order(self, api: Client, page: str) -> None:
        api.ws(f"{page}/update_body", "<page><description>D</description></page>")
        api.ws(f"{page}/notes/create", "<note><title>N</title><body>B</body></note>")
        api.ws(f"{page}/separators/create", "<separator><name>S</name></separator>")
        api.ws(f"{page}/lists/add", "<name>L</name>")
        api.ws(f"{page}/items/add", "<item><content>open</content></item>")
        api.ws(f"{page}/items/add", "<item completed='true'><content>done</content></item>")
        api.ws(f"{page}/tags/tag", '<tags>A "B C"</tags>')
        copy = matched(r' id="(\d+)"', api.ws(f"{page}/duplicate"))

        def without_ids(path: str) -> str:
            return re.sub(r' (id|list_id|title|email_address)="[^"]*"', "", api.ws(path))

        assert without_ids(f"page/{copy}") == without_ids(page)
        ids = re.findall(r'<(?:note|list|item|separator)[^>]* id="(\d+)"', api.ws(page))
        assert ids
        assert not any(id in api.ws(f"page/{copy}") for id in ids)

    def test_the_ids_of_the_copies_are_in_the_order_of_the_originals(
        self, api: Client, page: str
    ) -> None:
        for title in "ABC":
            api.ws(f"{page}/notes/create", f"<note><title>{title}</title></note>")
        api.ws(f"{page}/lists/add", "<name>L</name>")
        for content in "DE":
            api.ws(f"{page}/items/add", f"<item><content>{content}</content></item>")
        (last,) = re.findall(r'id="([0-9]+)" list_id="[0-9]+">E', api.ws(page))
        list_path = f"{page}/lists/{re.findall('<list .*?id=.([0-9]+)', api.ws(page))[0]}"
        api.ws(f"{list_path}/items/move/{last}", "<direction>move_to_top</direction>")
        copy = matched(r' id="(\d+)"', api.ws(f"{page}/duplicate"))
        shown = api.ws(f"page/{copy}")
        notes = re.findall(r'<note title="(.)" id="(\d+)"', shown)
        items = re.findall(r'id="(\d+)" list_id="\d+">(.)<', shown)
        assert [title for title, _ in notes] == ["A", "B", "C"]  # they are listed by id
        assert [content for _, content in items] == ["E", "D"]
        assert int(items[1][0]) < int(items[0][0])
        positions = re.findall("<position>(.)<", shown)
        assert positions == ["1", "2", "3", "4"]

    def test_a_copy_of_a_copy_is_complete(self, api: Client, page: str) -> None:
        api.ws(f"{page}/lists/add", "<name>L</name>")
        api.ws(f"{page}/items/add", "<item><content>D</content></item>")
        first = matched(r' id="(\d+)"', api.ws(f"{page}/duplicate"))
        second = matched(r' id="(\d+)"', api.ws(f"page/{first}/duplicate"))
        assert ">D</item>" in api.ws(f"page/{second}")
        new = matched(r' id="(\d+)"', api.ws("pages/new", "<title>New</title>"))
        assert int(new) > max(map(int, re.findall(r'id="(\d+)"', api.ws(f"page/{second}"))))

    def test_a_copy_is_not_shared_and_has_no_files_and_mails(self, demo_copy: str) -> None:
        assert "<galleries>" not in demo_copy
        assert "<attachments>" not in demo_copy
        assert "<emails>" not in demo_copy

    @pytest.fixture
    def demo_copy(self, box: Sandbox, as_user: Callable[..., Client]) -> str:
        demo = as_user(box.add_account("demo", seed="demo"))
        copy = matched(r' id="(\d+)"', demo.ws("page/40000004/duplicate"))
        assert f'<page scope="personal" title="Lisbon (copy)" id="{copy}"/>' in demo.ws("pages/all")
        return demo.ws(f"page/{copy}")


class TestFriends:
    """Permissions of a user that a page is shared with, here Sam."""

    @pytest.fixture
    def sam(self, box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]) -> Client:
        token = box.add_user("Sam", email_address="sam@x.example")
        api.ws(f"{page}/share", "<email_addresses>SAM@x.Example</email_addresses>")
        return as_user(token)

    def test_letter_case_of_an_address_does_not_matter(self, sam: Client, page: str) -> None:
        assert "Lisbon" in sam.ws(page)

    @pytest.mark.parametrize("verb", ["destroy", "share"])
    def test_they_can_neither_destroy_nor_share_it(
        self, sam: Client, api: Client, page: str, verb: str
    ) -> None:
        fields = "<email_addresses>kim@x</email_addresses><page><public>1</public></page>"
        assert '<error code="403">' in sam.ws(f"{page}/{verb}", fields, 403)
        assert '<page scope="friends"' in api.ws("pages/all")

    def test_they_can_change_its_records(self, sam: Client, api: Client, page: str) -> None:
        sam.ws(f"{page}/notes/create", "<note><title>Keys</title></note>")
        assert "Keys" in api.ws(page)

    def test_they_can_unshare_it(self, sam: Client, page: str) -> None:
        sam.ws(f"{page}/unshare_friend_page")
        assert "Lisbon" not in sam.ws("pages/all")

    def test_two_users_with_the_same_name_do_not_see_each_others_pages(
        self, box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]
    ) -> None:
        first, second = as_user(box.add_user("Kim")), as_user(box.add_user("Kim"))
        addresses = [
            matched("<email-address>(.*?)<", one.rest("GET", "/me.xml").text)
            for one in (first, second)
        ]
        assert addresses == ["kim@acme.example", "kim.2@acme.example"]
        api.ws(f"{page}/share", f"<email_addresses>{addresses[0]}</email_addresses>")
        assert "Lisbon" in first.ws("pages/all")
        assert "Lisbon" not in second.ws("pages/all")

    def test_an_address_belongs_to_one_user(self, box: Sandbox) -> None:
        box.add_user("Sam", email_address="sam@x.example")
        with pytest.raises(ValueError, match="address of another user"):
            box.add_user("Samantha", email_address="SAM@x.example")

    @pytest.mark.parametrize("address", ["", " ", "a b@x.example", "a@x.example\u3000"])
    def test_an_address_that_pages_cannot_be_shared_with_is_refused(
        self, box: Sandbox, address: str
    ) -> None:
        with pytest.raises(ValueError, match="is not an e-mail address"):
            box.add_user("Sam", email_address=address)

    def test_an_account_whose_name_has_blanks_can_share_too(
        self, box: Sandbox, as_user: Callable[..., Client]
    ) -> None:
        owner = as_user(box.add_account("My notes"))
        sam = as_user(box.add_user("Sam", account="My notes"))
        owner.ws("pages/new", "<page><title>Lisbon</title></page>")
        owner.ws("page/40000003/share", "<email_addresses>sam@my.notes.example</email_addresses>")
        assert "Lisbon" in sam.ws("pages/all")


class TestSharing:
    def scope(self, api: Client) -> str:
        return matched('<page scope="([a-z]+)"', api.ws("pages/all"))

    def test_a_page_shared_with_addresses_is_among_friends(self, api: Client, page: str) -> None:
        addresses = "<email_addresses>a@x.example\n b@y.example</email_addresses>"
        assert api.ws(f"{page}/share", addresses) == DONE
        assert self.scope(api) == "friends"

    def test_sharing_twice_with_the_same_address_has_no_effect(
        self, api: Client, page: str
    ) -> None:
        for _ in range(2):
            api.ws(f"{page}/share", "<email_addresses>a@x a@x</email_addresses>")
        api.ws(f"{page}/unshare_friend_page")
        assert self.scope(api) == "personal"

    def test_a_page_can_be_made_public_and_private_again(self, api: Client, page: str) -> None:
        empty = "<email_addresses></email_addresses>"
        api.ws(f"{page}/share", f"{empty}<page><public>1</public></page>")
        assert self.scope(api) == "public"
        api.ws(f"{page}/share", "<page><public></public></page>")
        assert self.scope(api) == "personal"

    def test_a_friend_in_the_account_sees_the_page_until_they_unshare_it(
        self, box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]
    ) -> None:
        friend = as_user(box.add_user("Sam", email_address="sam@x.example"))
        stays = as_user(box.add_user("Kim", email_address="kim@x.example"))
        assert "<pages></pages>" in friend.ws("pages/all")
        assert "Record not found" in friend.ws(page, status=404)
        api.ws(f"{page}/share", "<email_addresses>sam@x.example kim@x.example</email_addresses>")
        assert '<page scope="friends" title="Lisbon" id="40000002"/>' in friend.ws("pages/all")
        assert friend.ws(f"{page}/unshare_friend_page") == DONE
        assert "<pages></pages>" in friend.ws("pages/all")
        assert "Lisbon" in stays.ws("pages/all")

    def test_when_the_owner_ends_sharing_no_friend_sees_the_page(
        self, box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]
    ) -> None:
        friend = as_user(box.add_user("Sam", email_address="sam@x.example"))
        api.ws(f"{page}/share", "<email_addresses>sam@x.example</email_addresses>")
        api.ws(f"{page}/unshare_friend_page")
        assert "<pages></pages>" in friend.ws("pages/all")


class TestSearching:
    def test_a_title_is_found_case_insensitively(self, api: Client, page: str) -> None:
        assert api.ws("pages/search", "<term>lisBON</term>") == (
            f'{XML}\n<response success="true"><pages>'
            '<page title="Lisbon" id="40000002"/></pages></response>'
        )

    def test_a_search_without_matches_is_empty(self, api: Client, page: str) -> None:
        assert "<pages></pages>" in api.ws("pages/search", "<term>Porto</term>")

    @pytest.mark.parametrize(
        ("term", "hit"),
        [
            ("baker", '<page title="Lisbon" id="40000004"><send id="40000008">note</send></page>'),
            ("phrase book", '<send id="40000010">list</send>'),
            ("Not to be", '<send id="40000020">list</send>'),
            ("célia", '<send id="40000041">email</send>'),
            ("postcard", '<send id="40000039">writeboard_link</send>'),
            ("finished on paper", '<page title="Unsent letters" id="40000350"/>'),
        ],
    )
    def test_matching_records_of_a_page_are_listed(self, demo: Client, term: str, hit: str) -> None:
        assert hit in demo.ws("pages/search", f"<term>{term}</term>")

    def test_separators_and_files_are_not_searched(self, demo: Client) -> None:
        assert "<pages></pages>" in demo.ws("pages/search", "<term>itinerary.pdf</term>")

    def test_a_search_needs_a_term(self, api: Client) -> None:
        assert "Internal error" in api.ws("pages/search", status=500)


class TestLinking:
    @pytest.fixture
    def other(self, api: Client, page: str) -> Any:
        api.ws("pages/new", "<page><title>Porto</title></page>")
        return "<linked_page_id>40000003</linked_page_id>"

    def test_a_linked_page_is_shown(self, api: Client, page: str, other: Any) -> None:
        assert api.ws(f"{page}/link", other) == DONE
        assert (
            '<linked_pages><page title="Porto" id="40000003"/></linked_pages></page>'
        ) in api.ws(page)
        assert "linked_pages" not in api.ws("page/40000003")

    def test_linking_twice_has_no_effect(self, api: Client, page: str, other: Any) -> None:
        api.ws(f"{page}/link", other)
        api.ws(f"{page}/link", other)
        assert api.ws(page).count("Porto") == 1

    def test_a_link_can_be_undone_once(self, api: Client, page: str, other: Any) -> None:
        api.ws(f"{page}/link", other)
        assert api.ws(f"{page}/unlink", other) == DONE
        assert "linked_pages" not in api.ws(page)
        assert "Record not found" in api.ws(f"{page}/unlink", other, 404)

    def test_destroying_a_page_removes_links_to_it_for_good(
        self, api: Client, page: str, other: Any
    ) -> None:
        api.ws(f"{page}/link", other)
        api.ws("page/40000003/destroy")
        api.ws("pages/new", "<page><title>Braga</title></page>")
        assert "linked_pages" not in api.ws(page)

    def test_an_unknown_page_cannot_be_linked(self, api: Client, page: str) -> None:
        assert "Record not found" in api.ws(
            f"{page}/link", "<linked_page_id>7</linked_page_id>", 404
        )


def test_a_page_can_be_mailed(api: Client, page: str) -> None:
    assert api.ws(f"{page}/email") == DONE
    assert "Record not found" in api.ws("page/7/email", status=404)
