// One article among 300 is changed: what reads it is rendered again, and no other page.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type APIRequestContext, request } from "@playwright/test";
import { assertFresh, assertMiss, assertStale } from "../support/cache-status";
import { EDITOR_PASSWORD } from "../support/secrets";
import { type Server, expect, test } from "../support/server";

const ARTICLES = 300;
const SECTIONS = 10;
const PER_SECTION = ARTICLES / SECTIONS;

const article = (n: number) => `/articles/article-${n}`;
const section = (n: number, page: number) => `/sections/section-${n}${page === 1 ? "" : `?page=${page}`}`;
const range = (length: number) => Array.from({ length }, (_, n) => n);

/** Article n is of day n and of section n modulo ten: the higher, the newer. */
const ofSection = (n: number) => range(PER_SECTION).map((place) => n + SECTIONS * place);

const PAGES = [
  "/",
  "/about",
  "/live",
  "/feed.xml",
  "/sitemap.xml",
  ...range(SECTIONS).flatMap((n) => [1, 2, 3].map((page) => section(n, page))),
  ...range(ARTICLES).map(article),
];

const LONG = ["/", "/live", "/feed.xml", "/sitemap.xml", "/articles/:slug", "/sections/:section"]
  .map((route) => `${route}=1day`)
  .join("; ");

async function writeArticles(folder: string) {
  await mkdir(folder);
  for (const n of range(ARTICLES)) {
    const date = new Date(Date.UTC(2025, 0, 1 + n)).toISOString().slice(0, 10);
    const fields = [`title: Title ${n}`, `date: ${date}`, `section: Section ${n % SECTIONS}`, "author: A"];
    await writeFile(path.join(folder, `article-${n}.md`), `---\n${fields.join("\n")}\n---\nText ${n}.\n`);
  }
}

/** Asks for every page, some at once; gives the answers by page. */
async function visitAll(request: APIRequestContext) {
  const answers = new Map<string, Awaited<ReturnType<APIRequestContext["get"]>>>();
  for (let next = 0; next < PAGES.length; next += 10) {
    const some = PAGES.slice(next, next + 10);
    for (const [index, answer] of (await Promise.all(some.map((page) => request.get(page)))).entries()) {
      expect(answer.status(), some[index]).toBe(200);
      answers.set(some[index], answer);
    }
  }
  return answers;
}

/** Sends one of the editor's forms. */
/** Whoever has changed something sees it at once, so the editor has cookies of their own. */
async function send(server: Server, editor: APIRequestContext, name: string, form: Record<string, string>) {
  const headers = { Accept: "text/html", Origin: server.url, Referer: `${server.url}/editor` };
  const answer = await editor.post(`/api/${name}`, { form, headers, maxRedirects: 0 });
  expect([answer.status(), answer.headers()["location"]], name).toEqual([302, expect.not.stringContaining("__err")]);
}

async function change(server: Server, editor: APIRequestContext, n: number) {
  const form = {
    slug: `article-${n}`,
    new_slug: "",
    title: `Changed ${n}`,
    summary: "",
    section: `Section ${n % SECTIONS}`,
    author: "A",
    body_markdown: `Text ${n}.`,
    intent: "publish",
  };
  await send(server, editor, "save_article", Object.fromEntries(Object.entries(form).map(([k, v]) => [`form[${k}]`, v])));
}

/** After a change: exactly `expected` are stale, and once they were asked for, rendered again. */
async function assertOnlyRendered(server: Server, expected: string[], before: Map<string, number>) {
  for (const [page, answer] of await visitAll(server.request)) {
    if (expected.includes(page)) assertStale(answer, "purged");
    else assertFresh(answer);
  }
  const again = () => PAGES.filter((page) => server.renders().get(page) !== before.get(page)).sort();
  await expect.poll(again, { message: "rendered again", intervals: [50] }).toEqual([...expected].sort());
  for (const answer of (await visitAll(server.request)).values()) assertFresh(answer);
  for (const page of PAGES) {
    const times = before.get(page)! + (expected.includes(page) ? 1 : 0);
    expect(server.renders().get(page), `renders of ${page}`).toBe(times);
  }
}

test("a change of one article among 300 renders the pages that read it, and no other", async ({ start }, testInfo) => {
  test.setTimeout(90_000);
  const folder = testInfo.outputPath("content");
  await writeArticles(folder);
  const server = await start({
    CONTENT_DIR: folder,
    CONTENT_DB: testInfo.outputPath("newsroom.db"),
    ISR_DIR: testInfo.outputPath("isr"),
    ISR_REVALIDATE: LONG,
    EDITOR_PASSWORD,
  });
  for (const answer of (await visitAll(server.request)).values()) assertMiss(answer);
  const all = () => PAGES.filter((page) => server.renders().get(page) === 1).length;
  await expect.poll(all, { message: "each is rendered once" }).toBe(PAGES.length);
  const editor = await request.newContext({ baseURL: server.url });
  await send(server, editor, "sign_in", { password: EDITOR_PASSWORD });

  // The newest of its section: the others of the section link to it.
  await change(server, editor, 298);
  const lists = ["/", "/feed.xml", "/sitemap.xml", section(8, 1)];
  await assertOnlyRendered(server, [...ofSection(8).map(article), ...lists], server.renders());
  for (const page of [article(298), article(8), "/", "/feed.xml", section(8, 1)]) {
    expect(await (await server.request.get(page)).text(), page).toContain("Changed 298");
  }

  // The oldest of its section stands on the section's last page, and nobody links to it.
  await change(server, editor, 5);
  await assertOnlyRendered(server, [article(5), "/sitemap.xml", section(5, 3)], server.renders());
  expect(await (await server.request.get(section(5, 3))).text()).toContain("Changed 5");

  // The editor does not get the page of before even once.
  await change(server, editor, 6);
  expect(await (await editor.get(article(6))).text()).toContain("Changed 6");
  await editor.dispose();
});
