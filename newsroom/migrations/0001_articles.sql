-- Times are RFC 3339 in UTC with whole seconds, so that text order is time order.

CREATE TABLE sections (
    slug TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

-- The two long columns stand last: lists never read the pages they spill into.
CREATE TABLE articles (
    slug          TEXT NOT NULL PRIMARY KEY,
    title         TEXT NOT NULL,
    summary       TEXT NOT NULL,
    section       TEXT NOT NULL REFERENCES sections (slug),
    author        TEXT NOT NULL,
    published     INTEGER NOT NULL CHECK (published IN (0, 1)),
    published_at  TEXT,
    updated_at    TEXT NOT NULL,
    body_markdown TEXT NOT NULL,
    body_html     TEXT NOT NULL,
    CHECK (published = 0 OR published_at IS NOT NULL)
) STRICT;

CREATE INDEX articles_newest ON articles (published_at DESC, slug) WHERE published = 1;
CREATE INDEX articles_newest_in_section ON articles (section, published_at DESC, slug) WHERE published = 1;
CREATE INDEX articles_of_section ON articles (section);
