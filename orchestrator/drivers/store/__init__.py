"""The one store, as tables of a relational database: SQLite by default, PostgreSQL for many."""
