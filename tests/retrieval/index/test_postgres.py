"""PostgreSQL: URLs, the graph, what the server refuses; a password is never shown."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

from ssdh_surgery.errors import DataError, FileError, SsdhError, UsageError
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.index.index import About
from ssdh_surgery.retrieval.index.places import create_index, open_index
from ssdh_surgery.retrieval.index.postgres.address import read_address


def codes(count: int, bits: int = 16) -> Codes:
    packed = np.random.default_rng(0).integers(0, 256, (count, bits // 8), dtype=np.uint8)
    ids = np.array([f"i{number}" for number in range(count)])
    return Codes(packed, bits, ids, np.arange(count) % 3, {"model": {"blob": "caf\udce9"}})


def build(place: str, kind: str = "flat", count: int = 5, *, force: bool = False) -> None:
    some = codes(count)
    with create_index(place, About.like(some, kind, {}), force=force) as index:
        index.add(some)
        index.save()


def refusal(kind: type[SsdhError], place: str) -> str:
    with pytest.raises(kind) as caught:
        open_index(place).close()
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(caught.value.__cause__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db:5433/photos#x", "postgresql://me@db:5433/photos#x"),
        ("postgres://db/photos?password=secret#a.x", "postgresql://db/photos#a.x"),
        ("postgresql:///photos?host=/tmp&user=me#x y", "postgresql://me@/tmp/photos#x y"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert str(read_address(url)) == shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://me:secret@db/photos", "the URL of the database names no table"),
        ("postgresql://me:se#cret@db/photos", "the URL of the database names no table"),
        ("postgresql://me:secret@db/photos#", "the URL of the database names no table"),
        ("postgresql://me:%secret@db/photos#x", "the URL of the database cannot be parsed"),
        ("postgresql://db/photos?secret=1#x", "the URL of the database cannot be parsed"),
    ],
)
def test_urls_that_cannot_be_taken(url: str, message: str) -> None:
    hint = "postgresql://USER@HOST/DATABASE#TABLE, or #SCHEMA.TABLE"
    assert refusal(UsageError, url) == f"{message}\nhint: {hint}"


def test_a_server_that_is_down() -> None:
    assert refusal(FileError, "postgresql://me:secret@127.0.0.1:1/photos#x") == (
        "postgresql://me@127.0.0.1:1/photos#x: cannot connect to PostgreSQL: connection to "
        'server at "127.0.0.1", port 1 failed: Connection refused\n'
        "hint: check that the server runs, and that psql connects with this URL"
    )


def test_a_database_that_does_not_use_the_extension(plain_database: str) -> None:
    message = refusal(DataError, f"{plain_database}#x")
    assert message.endswith(
        "#x: the database has not enabled the extension pgvector\n"
        "hint: once, as its owner: psql -c 'CREATE EXTENSION vector'"
    )


def test_tables_that_are_no_index_are_left_alone(database: str) -> None:
    assert refusal(FileError, f"{database}#x").endswith(
        "#x: the database has no such table\nhint: 'ssdh index build' makes it"
    )
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE customers (id int)")
    for force in (False, True):
        with pytest.raises(
            SsdhError, match=r"the table (exists; nothing|is not an index: its comment)"
        ):
            build(f"{database}#customers", force=force)
    assert "the table is not an index" in refusal(DataError, f"{database}#customers")


def test_an_index_is_replaced_when_that_is_asked_for(database: str) -> None:
    build(f"{database}#x")
    with pytest.raises(FileError, match=r"#x: the table exists; nothing was written"):
        build(f"{database}#x", count=7)
    build(f"{database}#x", "hnsw", 7, force=True)
    with open_index(f"{database}#x") as index:
        assert (len(index), index.about.kind) == (7, "hnsw")
        assert index.about.recipe == codes(1).recipe


def test_a_table_in_a_schema_with_signs_in_its_name(database: str) -> None:
    place = database + "#pho\"tos.a%s'b {}"
    with pytest.raises(FileError, match='PostgreSQL says: schema "pho"tos" does not exist'):
        build(place)
    with psycopg.connect(database) as connection:
        connection.execute('CREATE SCHEMA "pho""tos"')
    build(place, "hnsw")
    with open_index(place) as index:
        assert index.search(codes(5).packed, 1)[0].tolist() == [[0]] * 5


def test_kinds_that_only_files_have(database: str) -> None:
    with pytest.raises(UsageError, match="in PostgreSQL is of kind flat or hnsw, not ivf"):
        build(f"{database}#x", "ivf")


def test_a_wrong_password(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guarded")
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        [path] = connection.execute("SHOW hba_file").fetchone() or [""]
        with open(path, "r+") as file:
            rules = file.read()
            file.seek(0)
            file.write("local all guarded scram-sha-256\n" + rules)
        connection.execute("SELECT pg_reload_conf()")
    url = database.replace("postgres:@", "guarded:secret@")
    assert 'password authentication failed for user "guarded"' in refusal(FileError, f"{url}#x")
    right = database.replace("postgres:@", "guarded:right@")
    assert "the database has no such table" in refusal(FileError, f"{right}#x")
    # What this user may not do is told in the server's own words.
    with pytest.raises(FileError, match="PostgreSQL says: permission denied for schema public"):
        build(f"{right}#x")


def test_the_graph_is_used_and_answers_for_any_count(database: str) -> None:
    build(f"{database}#x", "hnsw", 3000)
    with open_index(f"{database}#x") as index:
        for k in (10, 2000):
            distances, rows = index.search(codes(1).packed, k)
            assert rows.shape == (1, k)
            assert sorted(distances[0].tolist()) == distances[0].tolist()
    with psycopg.connect(database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT place FROM x ORDER BY code <~> B'0000000000000000', place LIMIT 10"
        ).fetchall()
    assert any("Index Scan using x_code_idx" in line for (line,) in plan)
