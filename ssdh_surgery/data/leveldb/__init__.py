"""LevelDBs, which a Data layer without a `backend` reads: their files are read, never written.

LevelDB's own library takes a lock, replays its log and writes new files whenever it opens a
database, and crashes at damaged ones. Reading the files takes four formats: `store.py` joins the
tables that `manifest.py` lists (`table.py`, compressed by `snappy.py`) with the log (`log.py`).
"""
