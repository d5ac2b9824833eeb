// What the HTML itself holds: no JavaScript runs here.
import { expect, test } from "@playwright/test";
import { ARTICLE, PUBLIC_PAGES, SECTION, assertShows } from "../support/site";

test.use({ javaScriptEnabled: false });

for (const publicPage of PUBLIC_PAGES) {
  test(`${publicPage.path} is complete`, async ({ page }) => {
    const response = await page.goto(publicPage.path);
    expect(response!.status()).toBe(publicPage.status);
    await assertShows(page, publicPage);
    await expect(page.getByText("Loading…")).toHaveCount(0);
    await expect(page.getByRole("navigation", { name: "Main" }).getByRole("link")).toHaveCount(4);
    await expect(page.getByRole("button", { name: /^Theme/ })).not.toBeVisible();
  });
}

test("the front page leads to its stories and sections", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("region", { name: "Newest" }).getByRole("article")).toHaveCount(7);
  await expect(page.getByRole("navigation", { name: "Sections" }).getByRole("link")).toHaveCount(5);
  await page.getByRole("region", { name: "Newest" }).getByRole("heading").nth(1).getByRole("link").click();
  await expect(page).toHaveURL(/\/articles\//);
});

test("an article has its text, its author and its date", async ({ page, baseURL }) => {
  await page.goto(ARTICLE);
  expect((await page.locator(".prose").innerText()).length).toBeGreaterThan(1000);
  await expect(page.locator(".prose h2").first()).toBeVisible();
  await expect(page.locator(".byline .author")).not.toBeEmpty();
  await expect(page.locator(".byline time")).toHaveAttribute("datetime", /^\d{4}-.*Z$/);
  await expect(page.locator("link[rel=canonical]")).toHaveAttribute("href", baseURL + ARTICLE);
  await expect(page.locator("meta[name=description]")).toHaveAttribute("content", /./);
});

test("a section's pages are linked", async ({ page }) => {
  await page.goto(SECTION);
  await expect(page.getByRole("main").getByRole("article")).toHaveCount(12);
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(`${SECTION}?page=2`);
  await expect(page.getByRole("main").getByRole("article")).toHaveCount(2);
  await page.getByRole("link", { name: "Newer" }).click();
  await expect(page).toHaveURL(SECTION);
});

test("the search form works", async ({ page }) => {
  await page.goto("/search");
  await page.getByLabel("Words in titles and summaries").fill("arithmetic AGE");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL("/search?q=arithmetic+AGE");
  await expect(page.getByRole("status")).toHaveText("1 article for “arithmetic AGE”.");
  await expect(page.getByRole("main").getByRole("article")).toContainText("Age is arithmetic");
  await expect(page.getByLabel("Words in titles and summaries")).toHaveValue("arithmetic AGE");

  await page.goto("/search?q=%3Cscript%3Ealert(1)%3C/script%3E");
  await expect(page.getByRole("status")).toContainText("Nothing found for “<script>alert(1)</script>”");
});

test("feed and site map are XML and list the articles", async ({ request }) => {
  for (const [path, type] of [
    ["/feed.xml", "application/atom+xml; charset=utf-8"],
    ["/sitemap.xml", "application/xml; charset=utf-8"],
  ]) {
    const xml = await request.get(path);
    expect(xml.headers()["content-type"]).toBe(type);
    expect((await xml.text()).split("/articles/").length).toBeGreaterThan(30);
  }
});
