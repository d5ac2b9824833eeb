-- Paths at which articles were found elsewhere, as `alias::path_of` spells them.

CREATE TABLE aliases (
    path TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL REFERENCES articles (slug) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX aliases_of_article ON aliases (slug);
