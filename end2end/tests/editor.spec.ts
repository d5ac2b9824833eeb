// The editor's work, and what readers see of it.
import { type APIRequestContext, type Page, expect, test } from "@playwright/test";
import {
  assertBypass,
  assertCacheStatus,
  assertFresh,
  assertOldOnceThenNew,
  assertStale,
  makeFresh,
  untilRegenerated,
} from "../support/cache-status";
import { complaints, open, signIn } from "../support/site";

const LISTS = ["/", "/sections/leptos", "/feed.xml"];

type Draft = { title: string; address?: string; summary?: string; section?: string; body?: string };

async function fillIn(page: Page, draft: Draft) {
  await page.getByLabel("Title").fill(draft.title);
  await page.getByLabel("Address").fill(draft.address ?? "");
  await page.getByLabel("Summary").fill(draft.summary ?? "");
  await page.getByLabel("Section").fill(draft.section ?? "Leptos");
  await page.getByLabel("Author").fill("The Editor");
  await page.getByLabel("Body, in Markdown").fill(draft.body ?? "A paragraph with **emphasis**.");
}

async function openNewArticle(page: Page) {
  await page.getByRole("link", { name: "New article" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("New article");
}

async function remove(page: Page) {
  await page.getByText("Delete this article").click();
  await page.getByLabel("Delete it for good").check();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByText("The article is deleted.")).toBeVisible();
}

async function assertOldOnceThenShows(request: APIRequestContext, path: string, text: string) {
  await assertOldOnceThenNew(request, path, (body) => body.includes(text));
}

test("an article is written, published, changed and deleted", async ({ page, request }) => {
  const said = complaints(page);
  await open(page, "/editor");
  await signIn(page, "wrong");
  await expect(page.getByRole("alert")).toHaveText("That is not the password.");
  await signIn(page);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Articles");

  // A draft is for the editor only.
  await openNewArticle(page);
  await fillIn(page, { title: "Written in a browser", summary: "For the tests." });
  await page.getByRole("button", { name: "Save draft" }).click();
  await expect(page).toHaveURL("/editor/written-in-a-browser?saved=draft");
  await expect(page.getByText("Saved as a draft")).toBeVisible();
  const path = "/articles/written-in-a-browser";
  expect((await request.get(path)).status()).toBe(404);
  for (const list of LISTS) {
    expect(await (await makeFresh(request, list)).text()).not.toContain("Written in a browser");
  }
  const about = (await request.get("/about")).headers().etag;

  // Published: each page that shows it is old at most once.
  await page.getByRole("button", { name: "Publish" }).click();
  await expect(page).toHaveURL("/editor/written-in-a-browser?saved=published");
  const published = await request.get(path);
  expect(published.status()).toBe(200);
  expect(await published.text()).toContain("<strong>emphasis</strong>");
  for (const list of LISTS) await assertOldOnceThenShows(request, list, "Written in a browser");

  // What does not show it stays.
  const aboutNow = await request.get("/about");
  assertCacheStatus(aboutNow, { hit: true, detail: undefined });
  expect(aboutNow.headers().etag).toBe(about);

  // Changed.
  await page.getByLabel("Title").fill("Rewritten in a browser");
  await page.getByRole("button", { name: "Publish changes" }).click();
  await expect(page.getByText("Saved and published.")).toBeVisible();
  for (const shows of [path, ...LISTS]) await assertOldOnceThenShows(request, shows, "Rewritten in a browser");
  await page.getByRole("link", { name: "View the page" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Rewritten in a browser");

  // Deleted: not found from the second request on.
  await page.goBack();
  await remove(page);
  const old = await request.get(path);
  assertStale(old, "purged");
  expect(old.status()).toBe(200);
  await untilRegenerated(request, path, old);
  const gone = await request.get(path);
  assertFresh(gone);
  expect(gone.status()).toBe(404);
  for (const list of LISTS) {
    await assertOldOnceThenNew(request, list, (body) => !body.includes("Rewritten in a browser"));
  }

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await page.goto("/editor/age-is-arithmetic");
  await expect(page.getByLabel("Title")).toHaveCount(0);
  // The browser reports the refused password, and nothing else.
  expect(said.filter((line) => !line.includes("/api/sign_in"))).toEqual([]);
});

test("what was typed stays when the article is refused", async ({ page }) => {
  await open(page, "/editor");
  await signIn(page);
  await openNewArticle(page);
  const body = "# Kept\n\nText & <b>markup</b>";
  await fillIn(page, { title: "Kept", address: "age-is-arithmetic", summary: "Kept too", section: "New", body });
  await page.getByRole("button", { name: "Save draft" }).click();
  await expect(page.getByRole("alert")).toContainText("age-is-arithmetic");
  await expect(page.getByLabel("Title")).toHaveValue("Kept");
  await expect(page.getByLabel("Address")).toHaveValue("age-is-arithmetic");
  await expect(page.getByLabel("Summary")).toHaveValue("Kept too");
  await expect(page.getByLabel("Section")).toHaveValue("New");
  await expect(page.getByLabel("Body, in Markdown")).toHaveValue(body);

  await page.getByLabel("Address").fill("");
  await page.getByLabel("Title").fill("   ");
  await page.getByRole("button", { name: "Save draft" }).click();
  await expect(page.getByRole("alert")).toContainText("`title` is empty");
  await expect(page.getByLabel("Body, in Markdown")).toHaveValue(body);

  await page.getByLabel("Title").fill("Kept");
  await page.getByRole("button", { name: "Save draft" }).click();
  await expect(page).toHaveURL("/editor/kept?saved=draft");
  await remove(page);
});

test("a change shows what is in the database, not what another page showed before", async ({ page }) => {
  await open(page, "/editor");
  await signIn(page);
  await page.getByRole("link", { name: "Age is arithmetic" }).click();
  await expect(page.getByLabel("Title")).toHaveValue(/^Age is arithmetic/);
  await page.getByRole("link", { name: "All articles" }).click();
  await page.getByRole("link", { name: "One header, two audiences" }).click();
  await expect(page.getByLabel("Title")).toHaveValue("One header, two audiences");
  await expect(page.getByLabel("Body, in Markdown")).toHaveValue(/^A browser cache serves one person/);
});

test("strangers see the sign-in only, and nothing of it is stored", async ({ page, request }) => {
  await open(page, "/editor/age-is-arithmetic");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await expect(page.getByLabel("Title")).toHaveCount(0);
  for (const path of ["/editor", "/editor/age-is-arithmetic"]) assertBypass(await request.get(path));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("an article is written and deleted", async ({ page, request }) => {
    await page.goto("/editor");
    await signIn(page, "wrong");
    await expect(page.getByRole("alert")).toHaveText("That is not the password.");
    await signIn(page);
    await openNewArticle(page);
    await fillIn(page, { title: "Zürich & <co>", summary: "Written without a script." });
    await page.getByRole("button", { name: "Publish" }).click();
    await expect(page).toHaveURL("/editor/zurich-co?saved=published");
    await expect(page.getByText("Saved and published.")).toBeVisible();

    await page.getByRole("link", { name: "View the page" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Zürich & <co>");
    await expect(page).toHaveTitle(/^Zürich & <co>/);
    await page.goto("/editor/zurich-co");
    await remove(page);
    await request.get("/articles/zurich-co");
    await expect.poll(async () => (await request.get("/articles/zurich-co")).status()).toBe(404);
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  });
});
