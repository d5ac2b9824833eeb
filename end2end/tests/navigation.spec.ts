// From page to page by clicks: one load, then data only.
import { type Page, type Request, expect, test } from "@playwright/test";
import { ARTICLE, SECTION, SITE_NAME, complaints, open } from "../support/site";

/** Marks the document, so that a full load shows. */
async function mark(page: Page) {
  await page.evaluate(() => Object.assign(window, { isSameDocument: true }));
}

async function assertSameDocument(page: Page) {
  expect(await page.evaluate(() => "isSameDocument" in window), "no full load").toBe(true);
}

function follow(page: Page, name: string) {
  return page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();
}

const level1 = (page: Page) => page.getByRole("heading", { level: 1 });

test("clicks reach every public page without a load, and data come by GET", async ({ page }) => {
  const said = complaints(page);
  await open(page, "/");
  await mark(page);
  const requests: Request[] = [];
  page.on("request", (request) => {
    // The browser looks at the icon again whenever the head changes.
    if (!request.url().endsWith("/favicon.svg")) requests.push(request);
  });

  const story = page.getByRole("region", { name: "Newest" }).getByRole("heading").nth(2).getByRole("link");
  const headline = await story.innerText();
  await story.click();
  await expect(page).toHaveURL(/\/articles\//);
  await expect(level1(page)).toHaveText(headline);
  await expect(page).toHaveTitle(`${headline} · ${SITE_NAME}`);

  const section = page.locator("article header .kicker a");
  const sectionName = await section.innerText();
  await section.click();
  await expect(page).toHaveURL(/\/sections\//);
  await expect(level1(page)).toHaveText(sectionName);
  await expect(page).toHaveTitle(`${sectionName} · ${SITE_NAME}`);

  const current = page.locator("header [aria-current=page]");
  await expect(current).toHaveCount(0);
  await follow(page, "Live");
  await expect(page.locator("#article-count")).toHaveText(/^\d+$/);
  await expect(current).toHaveText("Live");
  await follow(page, "About");
  await expect(page).toHaveTitle(`About · ${SITE_NAME}`);
  await follow(page, "Search");
  await page.getByLabel("Words in titles and summaries").fill("purge");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL("/search?q=purge");
  await expect(page.getByRole("status")).toContainText("for “purge”");
  await follow(page, "Home");
  await expect(page).toHaveTitle(SITE_NAME);
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();

  await assertSameDocument(page);
  const paths = requests.map((request) => `${request.method()} ${new URL(request.url()).pathname}`);
  const others = paths.filter((path) => !path.startsWith("GET /api/") && path !== "GET /_isr/live");
  // Parts of the program come when a page is first opened, unless it was built as one.
  expect(others.filter((path) => !/^GET \/pkg\/(chunk|split_(about|live|search)).*\.wasm$/.test(path))).toEqual([]);
  for (const path of ["article", "section", "live", "search", "front"]) {
    expect(paths).toContain(`GET /api/${path}`);
  }
  expect(said).toEqual([]);
});

test("back and forward go through the visited pages", async ({ page }) => {
  await open(page, "/about");
  await mark(page);
  await follow(page, "Live");
  await expect(level1(page)).toHaveText("Live");
  await follow(page, "Home");
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();

  for (const [go, path, title] of [
    ["back", "/live", `Live · ${SITE_NAME}`],
    ["back", "/about", `About · ${SITE_NAME}`],
    ["forward", "/live", `Live · ${SITE_NAME}`],
    ["forward", "/", SITE_NAME],
  ]) {
    await (go === "back" ? page.goBack() : page.goForward());
    await expect(page).toHaveURL(path);
    await expect(page).toHaveTitle(title);
  }
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();
  await assertSameDocument(page);
});

test("a section's pages have addresses of their own", async ({ page }) => {
  await open(page, SECTION);
  await mark(page);
  const first = page.getByRole("main").getByRole("article").first();
  const newest = await first.innerText();
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(`${SECTION}?page=2`);
  await expect(page).toHaveTitle(`HTTP caching, page 2 · ${SITE_NAME}`);
  await expect(first).not.toHaveText(newest, { useInnerText: true });
  await expect(page.locator(".page-links [aria-current=page]")).toHaveText("2");

  await page.goBack();
  await expect(page).toHaveURL(SECTION);
  await expect(page).toHaveTitle(`HTTP caching · ${SITE_NAME}`);
  await expect(first).toHaveText(newest, { useInnerText: true });
  await assertSameDocument(page);
});

test("a new page begins at its top, with the focus on its content", async ({ page }) => {
  await open(page, ARTICLE);
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  expect(await page.evaluate(() => window.scrollY)).toBeGreaterThan(300);
  await page.getByRole("contentinfo").getByRole("link", { name: "About" }).click();
  await expect(level1(page)).toHaveText("About");
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(0);
  await expect(page.locator("#content")).toBeFocused();
});

test("a link to nowhere shows the page that says so", async ({ page }) => {
  await open(page, "/");
  await page.evaluate(() => {
    document.querySelector(".rail a")!.setAttribute("href", "/sections/none");
  });
  await page.locator(".rail a").first().click();
  await expect(level1(page)).toHaveText("Page not found");
  await follow(page, "Home");
  await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();
});

test("the skip link is the first stop of the keyboard and leads to the content", async ({ page }) => {
  await open(page, "/");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.locator("#content")).toBeFocused();
});
