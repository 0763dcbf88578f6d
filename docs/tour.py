"""A tour of a Backpack account. `make demo` runs this file line by line."""

# Start a sandbox: a server with real HTTP and storage on this machine, with Nora's account.
from backpack_orm import Note, Page, Reminder, connect
from backpack_orm.sandbox import Sandbox

box = Sandbox(seed="demo")
box.start()
connection = connect(box.url, token=box.token)

# List her pages. The response has ids and titles; the second call is cached.
pages = Page.all()
[page.title for page in pages]
Page.find_by(title="Lisbon")

# Read a page: one request loads everything on it.
lisbon = Page.find(pages[0].id)
lisbon.description
[tag.name for tag in lisbon.tags]
[note.title for note in lisbon.notes]
print(lisbon.notes[0].body)
for each in lisbon.lists:
    print(each.name)
    for item in each.items:
        print("  [x]" if item.completed else "  [ ]", item.content)

# The order on the page is in its belongings.
for place in lisbon.belongings[:5]:
    print(place.position, place.type, place.widget)

# Search. Results include the records that match.
for page in Page.search("tram"):
    print(page.title, [match.type for match in page.matches])

# Create a note and change it. save() sends only changed fields, and returns what it has sent.
note = lisbon.notes.create(title="Lunch", body="Sardines, at *one*")
note.body += ", on the quay"
note.changes
note.save()
note.save()

# Complete an item.
hat = lisbon.lists[0].items[1]
hat.complete()
[item.content for item in lisbon.lists[0].items if item.completed]

# Change title and tags: two calls of the API, so two requests.
lisbon.title = "Lisbon in May"
lisbon.tags = ["Travel", "Slow trains"]
lisbon.save()
[tag.name for tag in lisbon.tags]

# Create a reminder, with its time in words.
reminder = Reminder.create(content="tomorrow 9am Buy the tickets")
reminder
[user.name for user in reminder.remindees]

# Read the notes of all pages: one request per page that is not cached.
len(Note.all())

# Destroy records.
note.destroy()
reminder.destroy()
lisbon.lists[1].destroy()
[each.name for each in lisbon.lists]
lisbon.is_dirty, note.is_destroyed
connection.stats
box.close()
