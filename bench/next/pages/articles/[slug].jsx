import { article, slugs } from "../../content.mjs";
import { Article } from "../../view.jsx";

export async function getStaticPaths() {
  const paths = (await slugs()).map((slug) => ({ params: { slug } }));
  return { paths, fallback: "blocking" };
}

export async function getStaticProps({ params }) {
  return { props: { article: await article(params.slug) }, revalidate: 60 };
}

export default Article;
