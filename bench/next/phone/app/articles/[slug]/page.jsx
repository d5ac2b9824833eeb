import Link from "next/link";
import { article, related, slugs } from "../../../../content.mjs";
import { Article } from "../../../../view.jsx";

export const revalidate = 60;

export async function generateStaticParams() {
  return (await slugs()).map((slug) => ({ slug }));
}

export default async function Page({ params }) {
  const { slug } = await params;
  const shown = await article(slug);
  const others = await related(shown);
  return (
    <>
      <Article article={shown} />
      <aside className="related">
        <h2>More in {shown.section_name}</h2>
        <ul>
          {others.map(({ slug, title }) => (
            <li key={slug}>
              <Link href={`/articles/${slug}`}>{title}</Link>
            </li>
          ))}
        </ul>
      </aside>
    </>
  );
}
