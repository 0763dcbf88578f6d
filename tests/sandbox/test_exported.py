"""Accounts that are created from an export."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client, matched

USER = """\
<?xml version='1.0' encoding='UTF-8'?>
<user id='17' name='Ana' account='old-place'>
  <pages>
    <page title='Lisbon' id='71' email_address='xy12ab@backpackit.com'>
      <description>Ten days in *May*</description>
      <belongings>
        <belonging id='903'><position>3</position><widget type='List' id='401'/></belonging>
        <belonging id='901'><position>1</position><widget type='Note' id='301'/></belonging>
        <belonging id='902'>
          <position>2</position><widget type='WriteboardLink' id='801'/>
        </belonging>
        <belonging id='904'><position>4</position><widget type='Gallery' id='601'/></belonging>
        <belonging id='905'><position>5</position><widget type='Asset' id='602'/></belonging>
        <belonging id='906'><position>6</position><widget type='Separator' id='603'/></belonging>
        <belonging id='907'><position>7</position><widget type='Email' id='604'/></belonging>
      </belongings>
      <tags><tag name='Travel' id='5'/><tag name='Long weekends' id='6'/></tags>
      <lists><list id='401' name='Packing'><items>
        <item completed='false' id='501' list_id='401'>Socks &amp; such </item>
        <item completed='true' id='502' list_id='401'>Hat</item>
      </items></list></lists>
      <notes><note title='Keys' id='301' created_at='2026-05-14 16:39:02'>With the baker.

          * No lift!</note></notes>
      <galleries><gallery id='601' name='Last time'><images>
        <image id='611' file_name='a.jpg' gallery_id='601' description='The view'/>
      </images></gallery></galleries>
      <attachments><attachment id='602' file_name='plan.pdf'/></attachments>
      <separators><separator id='603'>On the way</separator></separators>
      <emails><email id='604' title='Hello' created_at='2026-05-15 9:00:00'>
     dear all</email></emails>
      <linked_pages><page title='Porto' id='72'/><page title='Gone' id='7'/></linked_pages>
    </page>
    <page title='Porto' id='72'><tags><tag name='Travel' id='5'/></tags></page>
  </pages>
  <reminders>
    <reminder id='91'><remind_at>2020-01-01 09:00:00</remind_at><content>Past</content>
      <creator id='17' name='Ana'/><remindees><user id='17' name='Ana'/></remindees></reminder>
    <reminder id='92'><remind_at>2040-01-01 09:00:00</remind_at><content>To come</content>
      <creator id='18' name='Rui'/>
      <remindees><user id='18' name='Rui'/><user id='17' name='Ana'/></remindees></reminder>
    <reminder remind_at='2040-01-02 09:00:00' id='93'>In a line</reminder>
  </reminders>
</user>
"""


@pytest.fixture
def seeded(box: Sandbox, tmp_path: Path, as_user: Callable[..., Client]) -> Callable[[str], Client]:
    """Return a function that creates an account from the text of a file."""
    number = iter(range(100))

    def make(text: str) -> Client:
        path = tmp_path / "export.xml"
        path.write_text(text)
        return as_user(box.add_account(f"seeded-{next(number)}", seed=str(path)))

    return make


def page(content: str, id: str = "71") -> str:
    return f"<page title='Lisbon' id='{id}'>{content}</page>"


class TestUserExport:
    @pytest.fixture
    def api(self, seeded: Callable[..., Client]) -> Client:
        return seeded(USER)

    def test_a_page_is_imported_with_its_ids_and_order(self, api: Client) -> None:
        shown = re.sub('email_address=".*?"', "", api.ws("page/71"))
        assert shown == (
            '<?xml version="1.0" encoding="UTF-8"?>\n<response success="true">'
            '<page title="Lisbon" id="71" ><description>Ten days in *May*</description>'
            "<belongings>"
            '<belonging id="901"><position>1</position><widget type="Note" id="301"/></belonging>'
            '<belonging id="902"><position>2</position><widget type="WriteboardLink" id="801"/>'
            "</belonging>"
            '<belonging id="903"><position>3</position><widget type="List" id="401"/></belonging>'
            '<belonging id="904"><position>4</position><widget type="Gallery" id="601"/>'
            "</belonging>"
            '<belonging id="905"><position>5</position><widget type="Asset" id="602"/></belonging>'
            '<belonging id="906"><position>6</position><widget type="Separator" id="603"/>'
            "</belonging>"
            '<belonging id="907"><position>7</position><widget type="Email" id="604"/></belonging>'
            "</belongings>"
            '<tags><tag name="Travel" id="5"/><tag name="Long weekends" id="6"/></tags>'
            '<lists><list name="Packing" id="401"><items>'
            '<item completed="false" id="501" list_id="401">Socks &amp; such </item>'
            '<item completed="true" id="502" list_id="401">Hat</item></items></list></lists>'
            '<notes><note title="Keys" id="301" created_at="2026-05-14 16:39:02">'
            "With the baker.\n\n          * No lift!</note></notes>"
            '<galleries><gallery name="Last time" id="601"><images>'
            '<image gallery_id="601" file_name="a.jpg" id="611" description="The view"/></images>'
            '</gallery></galleries><attachments><attachment file_name="plan.pdf" id="602"/>'
            '</attachments><separators><separator id="603">On the way</separator></separators>'
            '<emails><email subject="Hello" id="604" created_at="2026-05-15 09:00:00">'
            "\n     dear all</email></emails>"
            '<linked_pages><page title="Porto" id="72"/></linked_pages></page></response>'
        )

    def test_the_times_of_items_are_preserved(self, seeded: Callable[..., Client]) -> None:
        item = "<item id='2' updated_at='2026-05-14 16:39:02'>Socks</item><item id='3'>Hat</item>"
        api = seeded(page(f"<lists><list name='A' id='1'><items>{item}</items></list></lists>"))
        listed = api.ws("page/71/items/list")
        times = ["2026-05-14 16:39:02", "2031-03-05 18:30:15"]
        assert re.findall('updated_at="(.*?)"', listed) == times

    def test_a_tag_of_two_pages_is_one(self, api: Client) -> None:
        assert re.findall(' id="([0-9]+)"', api.ws("tags/select/5")) == ["71", "72"]

    def test_the_owner_is_that_of_the_export(self, api: Client) -> None:
        me = api.rest("GET", "/me.xml").text
        assert '<id type="integer">17</id>' in me
        assert "<name>Ana</name>" in me
        assert api.rest("GET", "/users/17/export.xml").status_code == 200

    def test_the_users_of_reminders_are_imported_too(self, api: Client) -> None:
        users = api.rest("GET", "/users.xml").text
        assert '<user><id type="integer">18</id><name>Rui</name></user>' in users
        assert users.count("<user>") == 2

    def test_past_and_upcoming_reminders_are_imported(self, api: Client) -> None:
        exported = api.rest("GET", "/users/17/export.xml").text
        assert re.findall('<reminder id="(.*?)">', exported) == ["91", "92", "93"]
        assert '<creator id="18" name="Rui"/>' in exported
        upcoming = api.rest("GET", "/reminders.xml").text
        assert re.findall("<content>(.*?)<", upcoming) == ["To come", "In a line"]

    def test_new_ids_are_greater_than_all_others(
        self, seeded: Callable[..., Client], api: Client
    ) -> None:
        assert ' id="40000002"' in api.ws("pages/new", "<page><title>New</title></page>")
        high = seeded(page("<notes><note title='' id='70000000'/></notes>"))
        assert ' id="70000002"' in high.ws("page/71/notes/create")  # one is the belonging's


def test_an_imported_export_is_exported_unchanged(
    demo: Client, seeded: Callable[..., Client]
) -> None:
    def exported(api: Client, path: str) -> str:
        text = api.rest("GET", path).text
        return re.sub(' (email_address|account|name)="[^"]*"', "", text)

    path = "/users/40000001/export.xml"
    again = seeded(demo.rest("GET", path).text)
    assert exported(again, path) == exported(demo, path)


class TestAccountExport:
    @pytest.mark.parametrize(
        "items",
        [
            "<item completed='false' id='501'>Socks</item>"
            "<item completed='true' id='502'>Hat</item>",
            "<incomplete><item id='501'>Socks</item></incomplete>"
            "<completed><item id='502'>Hat</item></completed>",
        ],
    )
    def test_items_without_a_list_are_imported_without_one(
        self, seeded: Callable[..., Client], items: str
    ) -> None:
        api = seeded(
            "<backpack username='Ana'><pages><page title='A' id='71'><description/>"
            f"<items>{items}</items></page></pages><reminders>"
            "<reminder remind_at='2040-01-02 09:00:00' id='93'>Call</reminder>"
            "</reminders></backpack>"
        )
        address = (
            '<items><item completed="false" id="501">Socks</item>'
            '<item completed="true" id="502">Hat</item></items>'
        )
        assert re.search(f'email_address="[^"]*">{address}</page>', api.ws("page/71"))
        assert f"<description></description>{address}</page>" in api.ws("account/export")
        assert '<reminder remind_at="2040-01-02 09:00:00" id="93">Call<' in api.ws("reminders")
        assert "<name>Ana</name>" in api.rest("GET", "/me.xml").text

    def test_an_account_export_of_a_sandbox_preserves_everything(
        self, demo: Client, seeded: Callable[..., Client]
    ) -> None:
        again = seeded(demo.ws("account/export"))
        assert again.ws("page/40000004") == demo.ws("page/40000004")


class TestItemsWithoutAList:
    @pytest.fixture
    def api(self, seeded: Callable[..., Client]) -> Client:
        items = "<item id='1'>Socks</item><item id='2'>Hat</item><item id='3'>Scarf</item>"
        return seeded(page(f"<items>{items}</items>"))

    def shown(self, api: Client) -> Any:
        return re.findall('completed="(.*?)" id="(.)"', api.ws("page/71/items/list"))

    def test_calls_without_a_list_change_them(self, api: Client) -> None:
        api.ws("page/71/items/toggle/1")
        api.ws("page/71/items/move/3", "<direction>move_higher</direction>")
        api.ws("page/71/items/update/2", "<item><content>Cap</content></item>")
        assert self.shown(api) == [("false", "3"), ("false", "2"), ("true", "1")]
        assert ">Cap</item>" in api.ws("page/71")
        api.ws("page/71/items/destroy/2")
        assert self.shown(api) == [("false", "3"), ("true", "1")]

    def test_a_new_item_is_created_in_a_list(self, api: Client) -> None:
        api.ws("page/71/items/add", "<item><content>Gloves</content></item>")
        assert re.search(
            '<items>.*Scarf.*</items>.*<lists><list name="".*Gloves', api.ws("page/71")
        )

    def test_they_are_found_and_copied_with_their_page(self, api: Client) -> None:
        assert '<page title="Lisbon" id="71"/>' in api.ws("pages/search", "<term>scarf</term>")
        copy = matched(' id="(.*?)"', api.ws("page/71/duplicate"))
        shown = api.ws(f"page/{copy}")
        assert re.findall(">([A-Z][a-z]*)</item>", shown) == ["Socks", "Hat", "Scarf"]
        assert "<list" not in shown


class TestPages:
    @pytest.mark.parametrize(
        "document",
        [
            page(""),
            f"<pages>{page('')}</pages>",
            f"<response success='true'>{page('')}</response>",
            f"<response success='true'><pages>{page('')}</pages></response>",
        ],
    )
    def test_pages_can_be_the_root_elements(
        self, seeded: Callable[..., Client], document: str
    ) -> None:
        assert '<page scope="personal" title="Lisbon" id="71"/>' in seeded(document).ws("pages/all")

    @pytest.mark.parametrize("scope", ["public", "friends", "personal"])
    def test_the_scopes_of_a_list_of_pages_are_imported(
        self, seeded: Callable[..., Client], scope: str
    ) -> None:
        api = seeded(f"<pages><page scope='{scope}' title='A' id='7'/></pages>")
        assert f'<page scope="{scope}" title="A" id="7"/>' in api.ws("pages/all")

    def test_sharing_with_unknown_friends_can_be_ended(self, seeded: Callable[..., Client]) -> None:
        api = seeded("<pages><page scope='friends' title='A' id='7'/></pages>")
        api.ws("page/7/unshare_friend_page")
        assert '<page scope="personal"' in api.ws("pages/all")

    def test_their_email_addresses_are_imported(self, seeded: Callable[..., Client]) -> None:
        api = seeded("<page title='A' id='7' email_address='xy12ab@backpackit.com'/>")
        assert 'email_address="xy12ab@backpackit.com"' in api.ws("page/7")

    def test_an_empty_page_element_gets_an_id(self, seeded: Callable[..., Client]) -> None:
        api = seeded("<pages><page/><page/></pages>")
        assert re.findall(' title="" id="(.*?)"', api.ws("pages/all")) == ["40000002", "40000003"]

    def test_records_are_imported_without_belongings(self, seeded: Callable[..., Client]) -> None:
        api = seeded(page("<notes><note title='A' id='1'/><note title='B' id='2'/></notes>"))
        assert re.findall('note title="(.)"', api.ws("page/71/notes/list")) == ["A", "B"]
        assert re.findall('widget type="Note" id="(.)"', api.ws("page/71")) == ["1", "2"]

    def test_a_belonging_without_its_section_is_imported(
        self, seeded: Callable[..., Client]
    ) -> None:
        api = seeded(
            page(
                "<belongings><belonging id='8'><position>1</position>"
                "<widget type='Separator' id='9'/></belonging></belongings>"
            )
        )
        assert '<separator id="9"></separator>' in api.ws("page/71")

    @pytest.mark.parametrize("kind", ["Poll", "Note", "Gallery"])
    def test_a_belonging_of_an_unknown_type_or_missing_widget_is_preserved(
        self, seeded: Callable[..., Client], kind: str
    ) -> None:
        belonging = (
            f'<belonging id="8"><position>1</position><widget type="{kind}" id="9"/></belonging>'
        )
        api = seeded(page(f"<belongings>{belonging}</belongings>"))
        assert f"<belongings>{belonging}</belongings></page>" in api.ws("page/71")

    def test_widgets_of_unknown_types_are_reordered_like_all_others(
        self, seeded: Callable[..., Client]
    ) -> None:
        belongings = "".join(
            f"<belonging id='{id}'><position>{id}</position><widget type='{kind}' id='9'/>"
            "</belonging>"
            for id, kind in enumerate(["Poll", "Quiz", "Note"], 1)
        )
        api = seeded(page(f"<belongings>{belongings}</belongings><notes><note id='9'/></notes>"))
        api.ws("page/71/reorder", "<belongings>3 2</belongings>")
        shown = api.ws("page/71")
        assert re.findall('widget type="(.*?)" id="9"', shown) == ["Note", "Quiz", "Poll"]

    def test_positions_count_from_1_without_gaps(self, seeded: Callable[..., Client]) -> None:
        def positions() -> list[str]:
            return re.findall("<position>(.*?)<", api.ws("page/71"))

        belongings = "".join(
            f"<belonging id='{id}'><position>{position}</position><widget type='Poll' id='{id}'/>"
            "</belonging>"
            for id, position in [(1, 4), (2, 9), (3, 9)]
        )
        notes = "<notes><note id='4'/></notes>"
        api = seeded(page(f"<belongings>{belongings}</belongings>{notes}"))
        assert positions() == ["1", "2", "3", "4"]
        api.ws("page/71/notes/destroy/4")
        assert positions() == ["1", "2", "3"]

    def test_of_equal_belonging_ids_all_but_the_first_are_replaced(
        self, seeded: Callable[..., Client]
    ) -> None:
        belongings = "".join(
            f"<belonging id='8'><position>{id}</position><widget type='Note' id='{id}'/>"
            "</belonging>"
            for id in (1, 2, 3)
        )
        notes = "".join(f"<note id='{id}'/>" for id in (1, 2, 3))
        api = seeded(page(f"<belongings>{belongings}</belongings><notes>{notes}</notes>"))
        ids = re.findall('<belonging id="(.*?)"', api.ws("page/71"))
        assert ids[0] == "8"
        assert len(set(ids)) == 3
        api.ws("page/71/reorder", f"<belongings>{ids[2]}</belongings>")
        shown = api.ws("page/71")
        assert re.findall('widget type="Note" id="(.)"', shown) == ["3", "1", "2"]
        assert re.findall("<position>(.)<", shown) == ["1", "2", "3"]

    def test_equal_ids_of_different_types_are_different_records(
        self, seeded: Callable[..., Client]
    ) -> None:
        api = seeded(
            page("<notes><note title='A' id='1'/></notes><lists><list name='B' id='1'/></lists>")
        )
        assert api.ws("page/71/lists/destroy/1")
        assert 'note title="A" id="1"' in api.ws("page/71")

    def test_elements_that_cannot_be_imported_are_skipped_and_logged(
        self, seeded: Callable[..., Client], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "backpack_orm.sandbox"):
            api = seeded(
                page(
                    "<polls><poll id='9'>Tea?</poll></polls>"
                    "<linked_pages><page title='Porto' id='72'/></linked_pages>"
                )
            )
        assert "poll" not in api.ws("page/71")
        assert "Porto" not in api.ws("page/71")
        assert [record.getMessage() for record in caplog.records] == [
            "omitted <polls> of page 71, which is unknown",
            "omitted a link to page 72, which is not in the file",
        ]


class TestComments:
    COMMENTED = (
        '<lists><list name="A" id="1"><items><item completed="false" id="2" list_id="1">'
        'Tea &amp; cake<message id="5">Lemon?</message></item></items></list></lists>'
        '<notes><note title="B" id="3" created_at="2026-05-14 16:39:02">At noon'
        '<message created_at="2026-05-15 9:00" by="R &amp; D">Hm &#8211; &lt;no&gt;</message>'
        "<message><b>Well</b> then</message></note></notes>"
    )

    @pytest.fixture
    def api(self, seeded: Callable[..., Client]) -> Client:
        return seeded(f'<user id="17" name="Ana"><pages>{page(self.COMMENTED)}</pages></user>')

    def test_they_are_exported_again(self, api: Client) -> None:
        assert self.COMMENTED in api.rest("GET", "/users/17/export.xml").text
        assert self.COMMENTED in api.ws("account/export")

    @pytest.mark.parametrize("path", ["", "/items/list", "/lists/1/items/list", "/notes/list"])
    def test_no_other_call_shows_them(self, api: Client, path: str) -> None:
        response = api.ws(f"page/71{path}")
        assert "Tea &amp; cake</item>" in response or "At noon</note>" in response
        assert "message" not in response

    def test_those_of_an_item_without_a_list_are_exported_again_too(
        self, seeded: Callable[..., Client]
    ) -> None:
        items = '<items><item completed="true" id="2">Tea<message>Lemon?</message></item></items>'
        api = seeded(f"<backpack username='Ana'><pages>{page(items)}</pages></backpack>")
        assert items in api.ws("account/export")
        assert ">Tea</item>" in api.ws("page/71")

    def test_they_are_destroyed_with_their_record(self, api: Client) -> None:
        api.ws("page/71/notes/destroy/3")
        api.ws("page/71/lists/1/items/destroy/2")
        assert "message" not in api.ws("account/export")

    def test_text_after_a_comment_is_preserved(self, seeded: Callable[..., Client]) -> None:
        api = seeded(page("<notes><note id='1'>So<message>Hm</message> what</note></notes>"))
        assert ">So what</note>" in api.ws("page/71")


@pytest.mark.parametrize(
    "text", ["\n   body\n", "\n  two\n  lines\n  ", "\n\n", " body ", "body \n", "\n  "]
)
@pytest.mark.parametrize("layout", ["", "\n  "])
def test_texts_are_imported_exactly_with_any_layout_of_the_file(
    seeded: Callable[..., Client], text: str, layout: str
) -> None:
    content = f"<description>{text}</description>{layout}<notes><note id='1'>{text}</note></notes>"
    shown = seeded(page(f"{layout}{content}{layout}")).ws("page/71")
    assert f">{text}</note>" in shown
    assert f"<description>{text}</description>" in shown


def test_the_white_space_around_a_comment_is_part_of_the_text(
    seeded: Callable[..., Client],
) -> None:
    note = "<note id='1'>\n   Body\n   <message>Hm</message>\n  </note>"
    api = seeded(page(f"\n <notes>\n  {note}\n </notes>\n"))
    assert ">\n   Body\n   \n  </note>" in api.ws("page/71")
    assert ">\n   Body\n   \n  <message>Hm</message></note>" in api.ws("account/export")


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("<page", "not XML: "),
            ("", "not XML: "),
            (
                "<!DOCTYPE page [<!ENTITY a 'b'>]><page/>",
                "document types and entities are refused",
            ),
            ("<html/>", "<html> is none of <user>, <backpack>, <pages> and <page>"),
            ("<response success='true'/>", "<response> is none of <user>"),
            ("<page id='seven'/>", "'seven' is not a valid id of <page>"),
            (f"<page id='{'9' * 19}'/>", "is not a valid id of <page>"),
            (
                "<pages><page id='7'/><page id='7'/></pages>",
                "two records of the same type have the id 7",
            ),
            (
                page("<notes><note id='1'/><note id='1'/></notes>"),
                "two records of the same type have the id 1",
            ),
            (page("<notes><note id='1' created_at='May'/></notes>"), "'May' is not a date"),
            (page("<belongings><belonging id='1'/></belongings>"), "a <belonging> has no <widget>"),
            (
                page(
                    "<belongings><belonging id='1'><position>x</position><widget/></belonging>"
                    "</belongings>"
                ),
                "'x' is not a valid <position>",
            ),
        ],
    )
    def test_a_file_that_is_not_an_export_is_refused(
        self, tmp_path: Path, text: str, message: str
    ) -> None:
        path = tmp_path / "export"
        path.write_text(text)
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: .*{re.escape(message)}"):
            Sandbox(seed=str(path))

    def test_a_missing_file_is_an_os_error(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="No such file"):
            Sandbox(seed=str(tmp_path / "missing.xml"))

    def test_an_account_is_not_created_if_its_import_fails(
        self, box: Sandbox, tmp_path: Path
    ) -> None:
        path = tmp_path / "export.xml"
        path.write_text("<pages><page id='7'/><page id='7'/></pages>")
        with pytest.raises(ValueError, match="have the id 7"):
            box.add_account("broken", seed=str(path))
        with pytest.raises(ValueError, match="no account 'broken'"):
            box.add_user("Sam", account="broken")


def test_an_existing_account_is_not_changed_by_a_seed(
    tmp_path: Path, as_user: Callable[..., Client]
) -> None:
    export, data = tmp_path / "export.xml", str(tmp_path / "data.db")
    export.write_text(page(""))
    for _ in range(2):
        with Sandbox(seed=str(export), data=data, token="one-token-of-many") as box:
            assert as_user("one-token-of-many", box.url).ws("pages/all").count("<page ") == 1
        export.unlink(missing_ok=True)
