export function Article({ article }) {
  return (
    <>
      <header>
        <nav aria-label="Site">
          <a href="/">The Newsroom</a> <a href="/search">Search</a> <a href="/about">About</a>
        </nav>
      </header>
      <main>
        <article className="article">
          <header>
            <p className="kicker">
              <a href={`/sections/${article.section}`}>{article.section_name}</a>
            </p>
            <h1>{article.title}</h1>
            <p className="standfirst">{article.summary}</p>
            <p>
              By {article.author} <time dateTime={article.published_at}>{article.published_at}</time>
            </p>
          </header>
          <div className="prose" dangerouslySetInnerHTML={{ __html: article.body_html }} />
        </article>
      </main>
      <footer>Rendered once, stored, and regenerated behind the reader.</footer>
    </>
  );
}
