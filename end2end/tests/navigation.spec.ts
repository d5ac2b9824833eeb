// From page to page by clicks: each is a load of a stored page.
import { type Page, chromium, expect, test } from "@playwright/test";
import { ARTICLE, SECTION, SITE_NAME, complaints, open, untilHydrated } from "../support/site";

function follow(page: Page, name: string) {
  return page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();
}

const level1 = (page: Page) => page.getByRole("heading", { level: 1 });

test("clicks reach every public page", async ({ page }) => {
  const said = complaints(page);
  await open(page, "/");
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
  await untilHydrated(page);
  expect(said).toEqual([]);
});

test("back and forward go through the visited pages", async ({ page }) => {
  await open(page, "/about");
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
});

test("the browser keeps a page that was left, with its stream, and shows it at once", async ({ baseURL }, testInfo) => {
  // Playwright switches this off, and one of its own pages cannot be kept.
  const { executablePath, args } = testInfo.project.use.launchOptions!;
  const ignoreDefaultArgs = ["--disable-back-forward-cache"];
  const browser = await chromium.launch({ executablePath, args, ignoreDefaultArgs });
  const page = await browser.newPage({ baseURL });
  try {
    const streams: string[] = [];
    page.on("request", (request) => request.url().includes("/_isr/live?") && streams.push(request.url()));
    await open(page, "/live");
    await expect.poll(() => streams.length).toBe(1);
    await page.evaluate(() => {
      Object.assign(window, { isKept: false });
      addEventListener("pageshow", ({ persisted }) => Object.assign(window, { isKept: persisted }));
      window.scrollTo(0, 40);
    });
    await follow(page, "About");
    await expect(level1(page)).toHaveText("About");
    await page.evaluate(() => history.back());
    await expect(level1(page)).toHaveText("Live");
    expect(await page.evaluate(() => (window as any).isKept)).toBe(true);
    await expect.poll(() => streams.length, { message: "the stream resumes" }).toBe(2);
    await page.getByRole("button", { name: /^Theme/ }).click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  } finally {
    await browser.close();
  }
});

test("a section's pages have addresses of their own", async ({ page }) => {
  await open(page, SECTION);
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
});

test("a new page begins at its top", async ({ page }) => {
  await open(page, ARTICLE);
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  expect(await page.evaluate(() => window.scrollY)).toBeGreaterThan(300);
  await page.getByRole("contentinfo").getByRole("link", { name: "About" }).click();
  await expect(level1(page)).toHaveText("About");
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(0);
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
