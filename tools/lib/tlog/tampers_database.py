# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What is done to the rows of the log's tables."""

from pathlib import Path

from .tampers import flip


def one_event(connection, chance, columns):
    query = f"SELECT {columns} FROM event WHERE seq IS NOT NULL ORDER BY seq"
    return chance.choice(connection.execute(query).fetchall())


def on_rows(change):
    """A change of the database, from one of a connection."""
    def tamper(store, campaign, chance):
        with store.connect() as connection:
            # Who tampers is not held by the schema.
            connection.execute("PRAGMA ignore_check_constraints = ON")
            said = change(connection, chance)
            connection.commit()
        return said
    return tamper


def leaf_byte(connection, chance):
    identifier, leaf = one_event(connection, chance, "id, leaf")
    content, place = flip(leaf, chance)
    connection.execute("UPDATE event SET leaf = ? WHERE id = ?", (content, identifier))
    return f"byte {place} of the leaf of event {identifier}"


def leaf_cut(connection, chance):
    identifier, leaf = one_event(connection, chance, "id, leaf")
    length = chance.randrange(len(leaf))
    connection.execute("UPDATE event SET leaf = ? WHERE id = ?", (leaf[:length], identifier))
    return f"the leaf of event {identifier} cut to {length} bytes"


def leaf_of_another(connection, chance):
    one, other = one_event(connection, chance, "id, leaf"), one_event(connection, chance, "id, leaf")
    if one == other:
        return None
    connection.execute("UPDATE event SET leaf = ? WHERE id = ?", (other[1], one[0]))
    return f"event {one[0]} has the leaf of {other[0]}"


def swapped_numbers(connection, chance):
    one, other = one_event(connection, chance, "id, seq"), one_event(connection, chance, "id, seq")
    if one == other:
        return None
    connection.execute("UPDATE event SET seq = NULL WHERE id = ?", (one[0],))
    connection.execute("UPDATE event SET seq = ? WHERE id = ?", (one[1], other[0]))
    connection.execute("UPDATE event SET seq = ? WHERE id = ?", (other[1], one[0]))
    return f"events {one[0]} and {other[0]} have each other's number"


def without_number(connection, chance):
    identifier, seq = one_event(connection, chance, "id, seq")
    connection.execute("UPDATE event SET seq = NULL WHERE id = ?", (identifier,))
    return f"event {identifier} lost its number {seq}"


def other_number(connection, chance):
    identifier, seq = one_event(connection, chance, "id, seq")
    count = connection.execute("SELECT max(seq) + 1 FROM event").fetchone()[0]
    number = chance.choice((count, count + chance.randrange(1, 1000), -1))
    connection.execute("UPDATE event SET seq = ? WHERE id = ?", (number, identifier))
    return f"event {identifier} has the number {number}, not {seq}"


def deleted(connection, chance):
    identifier, seq = one_event(connection, chance, "id, seq")
    connection.execute("DELETE FROM event WHERE id = ?", (identifier,))
    return f"event {identifier} of number {seq} deleted"


def last_deleted(connection, chance):
    connection.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)")
    return "the last numbered event deleted"


def added(connection, chance):
    row = one_event(connection, chance, "kind, repo_id, hlc, leaf")
    connection.execute("INSERT INTO event(kind, repo_id, hlc, leaf, seq) VALUES (?, ?, ?, ?, "
                       "(SELECT max(seq) + 1 FROM event))", row)
    return "a numbered event added"


def other_kind(connection, chance):
    identifier, kind = one_event(connection, chance, "id, kind")
    other = chance.choice([name for name in ("tag.set", "tag.delete", "manifest.put", "repo.create") if name != kind])
    connection.execute("UPDATE event SET kind = ? WHERE id = ?", (other, identifier))
    return f"event {identifier} is {other}, not {kind}"


def other_time(connection, chance):
    identifier, time = one_event(connection, chance, "id, hlc")
    connection.execute("UPDATE event SET hlc = ? WHERE id = ?", (time ^ (1 << chance.randrange(56)), identifier))
    return f"the time of event {identifier}"


def other_repository(connection, chance):
    identifier, repository = one_event(connection, chance, "id, repo_id")
    others = connection.execute("SELECT id FROM repo WHERE id IS NOT ?", (repository,)).fetchall()
    connection.execute("UPDATE event SET repo_id = ? WHERE id = ?", (chance.choice(others)[0], identifier))
    return f"the repository of event {identifier}"


def other_subject(connection, chance):
    """What the history of a tag is looked up by."""
    if "subject" not in {column[1] for column in connection.execute("PRAGMA table_info(event)")}:
        return None
    identifier, subject = one_event(connection, chance, "id, subject")
    connection.execute("UPDATE event SET subject = ? WHERE id = ?", ((subject or "v") + "0", identifier))
    return f"the subject of event {identifier}"


def one_checkpoint(connection, chance):
    """(size, root, note) of any, the last one as often as all others together."""
    rows = connection.execute(
        "SELECT size, root, note FROM checkpoint WHERE note IS NOT NULL ORDER BY size").fetchall()
    return rows[-1] if chance.random() < 0.5 else chance.choice(rows)


def root_byte(connection, chance):
    size, root, _ = one_checkpoint(connection, chance)
    content, place = flip(root, chance)
    connection.execute("UPDATE checkpoint SET root = ? WHERE size = ?", (content, size))
    return f"byte {place} of the root of size {size}"


def note_byte(connection, chance):
    size, _, note = one_checkpoint(connection, chance)
    content, place = flip(note.encode() if isinstance(note, str) else note, chance)
    connection.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (content, size))
    return f"byte {place} of the note of size {size}"


def note_of_another(connection, chance):
    size = one_checkpoint(connection, chance)[0]
    other = one_checkpoint(connection, chance)
    if other[0] == size:
        return None
    connection.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (other[2], size))
    return f"size {size} has the note of {other[0]}"


def other_size(connection, chance):
    size = one_checkpoint(connection, chance)[0]
    taken = {row[0] for row in connection.execute("SELECT size FROM checkpoint")}
    other = next(number for number in range(size + 1, size + 1000) if number not in taken)
    connection.execute("UPDATE checkpoint SET size = ? WHERE size = ?", (other, size))
    return f"the checkpoint of {size} is of {other}"


def other_state(connection, chance):
    size = one_checkpoint(connection, chance)[0]
    state = connection.execute("SELECT state FROM checkpoint WHERE size = ?", (size,)).fetchone()[0]
    place = chance.randrange(len(state))
    other = state[:place] + chr(ord(state[place]) ^ 1) + state[place + 1:]
    connection.execute("UPDATE checkpoint SET state = ? WHERE size = ?", (other, size))
    return f"the state of {size} is {other!r}"


def last_checkpoint_deleted(connection, chance):
    connection.execute("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)")
    return "the last checkpoint deleted"


def raw_byte(store, campaign, chance):
    """A bit of a leaf, in the file itself and past the database."""
    with store.connect() as connection:
        identifier, leaf = one_event(connection, chance, "id, leaf")
    path = Path(store.database)
    content = bytearray(path.read_bytes())
    start = chance.randrange(max(1, len(leaf) - 40))
    places, found = [], content.find(leaf[start:start + 40])
    while found >= 0:
        places.append(found)
        found = content.find(leaf[start:start + 40], found + 1)
    # Split over two pages it is not found whole, and a free page may hold an old copy.
    if len(places) != 1:
        return None
    content[places[0] + chance.randrange(min(40, len(leaf) - start))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return f"a bit of the leaf of event {identifier} in the file"


DATABASE = {
    "event: leaf byte flipped": on_rows(leaf_byte), "event: leaf cut": on_rows(leaf_cut),
    "event: leaf of another": on_rows(leaf_of_another), "event: numbers swapped": on_rows(swapped_numbers),
    "event: number lost": on_rows(without_number), "event: other number": on_rows(other_number),
    "event: row deleted": on_rows(deleted), "event: last row deleted": on_rows(last_deleted),
    "event: row added": on_rows(added), "event: other kind": on_rows(other_kind),
    "event: other time": on_rows(other_time), "event: other repository": on_rows(other_repository),
    "event: other subject": on_rows(other_subject), "event: bit in the file": raw_byte,
    "checkpoint row: root byte flipped": on_rows(root_byte), "checkpoint row: note byte flipped": on_rows(note_byte),
    "checkpoint row: note of another": on_rows(note_of_another), "checkpoint row: other size": on_rows(other_size),
    "checkpoint row: other state": on_rows(other_state),
    "checkpoint row: last deleted": on_rows(last_checkpoint_deleted),
}
