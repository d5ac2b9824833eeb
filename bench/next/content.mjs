// The same articles, by the same API.
const api = process.env.CONTENT_API;

export async function article(slug) {
  const answer = await fetch(`${api}/articles/${encodeURIComponent(slug)}`);
  if (!answer.ok) throw new Error(`${answer.status} from the content API`);
  return answer.json();
}

/** The newest others of its section. */
export async function related({ slug, section }) {
  const answer = await fetch(`${api}/articles?section=${encodeURIComponent(section)}&per_page=4`);
  const { articles } = await answer.json();
  return articles.filter((other) => other.slug !== slug).slice(0, 3);
}

export async function slugs() {
  const all = [];
  for (let page = 1; ; page += 1) {
    const answer = await fetch(`${api}/articles?page=${page}&per_page=100`);
    const { articles, total } = await answer.json();
    all.push(...articles.map((one) => one.slug));
    if (articles.length === 0 || all.length >= total) break;
  }
  return all.slice(0, Number(process.env.BENCH_PAGES ?? 10));
}
