"""A tour of somebody's Backpack. `make demo` runs this file, line by line, and shows each."""

# A service to talk to. Real HTTP, real storage, on this machine only; Nora's account is in it.
from backpack_orm import Note, Page, Reminder, connect
from backpack_orm.sandbox import Sandbox

box = Sandbox(seed="demo")
box.start()
connection = connect(box.url, token=box.token)

# Her pages. The list tells id and title; asked again, it is still known.
pages = Page.all()
[page.title for page in pages]
Page.find_by(title="Lisbon")

# A page, opened: one request brings all that stands on it.
lisbon = Page.find(pages[0].id)
lisbon.description
[tag.name for tag in lisbon.tags]
[note.title for note in lisbon.notes]
print(lisbon.notes[0].body)
for each in lisbon.lists:
    print(each.name)
    for item in each.items:
        print("  [x]" if item.completed else "  [ ]", item.content)

# The order in which things stand there is the belongings'.
for place in lisbon.belongings[:5]:
    print(place.position, place.type, place.widget)

# A search tells what it has found, and where.
for page in Page.search("tram"):
    print(page.title, [match.type for match in page.matches])

# Write a note, and change it. What was sent is said; what has not changed is not sent.
note = lisbon.notes.create(title="Lunch", body="Sardines, at *one*")
note.body += ", on the quay"
note.changes
note.save()
note.save()

# Tick something off a list.
hat = lisbon.lists[0].items[1]
hat.complete()
[item.content for item in lisbon.lists[0].items if item.completed]

# A new title, and other tags: two calls of the API, so two requests.
lisbon.title = "Lisbon in May"
lisbon.tags = ["Travel", "Slow trains"]
lisbon.save()
[tag.name for tag in lisbon.tags]

# A reminder, with the time in words, as people write it.
reminder = Reminder.create(content="tomorrow 9am Buy the tickets")
reminder
[user.name for user in reminder.remindees]

# The notes of every page of the account: one request for each page not yet known.
len(Note.all())

# And things destroyed: what is gone is gone.
note.destroy()
reminder.destroy()
lisbon.lists[1].destroy()
[each.name for each in lisbon.lists]
lisbon.is_dirty, note.is_destroyed
connection.stats
box.close()
