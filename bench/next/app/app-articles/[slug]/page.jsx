import { article, slugs } from "../../../content.mjs";
import { Article } from "../../../view.jsx";

export const revalidate = 60;

export async function generateStaticParams() {
  return (await slugs()).map((slug) => ({ slug }));
}

export default async function Page({ params }) {
  const { slug } = await params;
  return <Article article={await article(slug)} />;
}
