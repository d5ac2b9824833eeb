// Another build of the server answers an open tab: a full load, and no error.
import { type Page, type Request, type Route, expect, test } from "@playwright/test";
import { test as serverTest } from "../support/server";
import { SECTION, complaints, open, signIn, untilHydrated } from "../support/site";

const OTHER_BUILD = { "x-isr-build": "other-build" };

/** The addresses of the documents that are loaded from now on. */
function loads(page: Page): string[] {
  const addresses: string[] = [];
  page.on("request", (request: Request) => {
    if (!request.isNavigationRequest()) return;
    const { pathname, search } = new URL(request.url());
    addresses.push(pathname + search);
  });
  return addresses;
}

/** Does something that leads to a full load, and waits until the new document is hydrated. */
async function untilLoadedBy(page: Page, act: () => Promise<void>) {
  const loaded = page.waitForEvent("domcontentloaded");
  await act();
  await loaded;
  await untilHydrated(page);
}

/** The server's own answer, as another build would send it. */
async function answerAsOtherBuild(route: Route) {
  const response = await route.fetch();
  await route.fulfill({ response, headers: { ...response.headers(), ...OTHER_BUILD } });
}

/** Complains in the console when a page says that it is not available, however briefly. */
async function complainOfErrorPages(page: Page) {
  await page.addInitScript(() => {
    const look = () => {
      if (document.body?.innerText.includes("Not available")) console.error("an error page was shown");
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
  });
}

const shown = (page: Page) => page.getByRole("main").getByRole("article").first();

for (const [name, path] of [["About", "/about"], ["Live", "/live"], ["Search", "/search"]]) {
  test(`a link to ${path}, whose part of the program is gone with the old build, leads to one full load`, async ({
    page,
  }) => {
    await open(page, "/");
    const addresses = loads(page);
    let missing = 0;
    page.on("console", (message) => {
      if (message.text().includes("cannot be had")) missing += 1;
    });
    await page.route("**/pkg/split_*.wasm", (route) => route.fulfill({ status: 404, body: "" }));
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
    await expect(page).toHaveURL(path);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
    // The new document says it too. Without its part it is not loaded over and over.
    await expect.poll(() => missing).toBe(2);
    expect(addresses).toEqual([path]);
  });
}

const AS_OTHER_BUILD: Record<string, (route: Route) => Promise<void>> = {
  "what it always answered": answerAsOtherBuild,
  "that there is no such function": (route) => route.fulfill({ status: 404, headers: OTHER_BUILD, body: "" }),
  "something of another form": (route) => route.fulfill({ json: { of: "another form" }, headers: OTHER_BUILD }),
  "that it failed": (route) => route.fulfill({ status: 502, headers: OTHER_BUILD, body: "" }),
};

for (const [what, answer] of Object.entries(AS_OTHER_BUILD)) {
  test(`a link whose data are answered by another build with ${what} leads to one full load`, async ({ page }) => {
    await complainOfErrorPages(page);
    const said = complaints(page);
    await open(page, "/");
    const addresses = loads(page);
    await page.route("**/api/section*", answer, { times: 1 });
    const link = page.locator(".rail h2 a").first();
    const [path, name] = [await link.getAttribute("href"), await link.innerText()];
    await untilLoadedBy(page, () => link.click());
    expect(addresses).toEqual([path]);
    await expect(page).toHaveURL(path!);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
    await expect(shown(page)).toBeVisible();

    // The history is that of a visitor who followed a link.
    await page.goBack();
    await expect(page).toHaveURL("/");
    await expect(page.getByRole("region", { name: "Newest" })).toBeVisible();
    expect(addresses.filter((address) => address === path)).toHaveLength(1);
    expect(said.filter((line) => !line.includes("/api/section"))).toEqual([]);
  });
}

test("where two builds serve side by side, an address is loaded once and then shown", async ({ page }) => {
  await complainOfErrorPages(page);
  const said = complaints(page);
  await page.route("**/api/section*", answerAsOtherBuild);
  await page.route("**/api/live*", answerAsOtherBuild);
  // An event would let the page read as well.
  await page.route("**/_isr/live*", (route) => route.abort());
  await open(page, SECTION);
  const addresses = loads(page);
  const [first, second] = [SECTION, `${SECTION}?page=2`];
  await untilLoadedBy(page, () => page.getByRole("link", { name: "Older" }).click());
  await untilLoadedBy(page, () => page.getByRole("link", { name: "Newer" }).click());
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page.locator(".page-links [aria-current=page]")).toHaveText("2");
  await expect(page).toHaveURL(second);
  expect(addresses).toEqual([second, first]);

  // A page that reads again is loaded in its place.
  await open(page, "/live");
  addresses.length = 0;
  const button = page.getByRole("button", { name: "Ask the server again" });
  await untilLoadedBy(page, () => button.click());
  const before = await page.locator("#rendered-at").getAttribute("datetime");
  await expect(async () => {
    await button.click();
    await expect(page.locator("#rendered-at")).not.toHaveAttribute("datetime", before!, { timeout: 500 });
  }).toPass();
  expect(addresses).toEqual(["/live"]);
  expect(said.filter((line) => !line.includes("/_isr/live"))).toEqual([]);
});

test("text that was typed and not sent is not lost", async ({ page }) => {
  await open(page, "/editor");
  await signIn(page);
  await page.getByRole("link", { name: "New article" }).click();
  await page.getByLabel("Title").fill("   ");
  for (const name of ["Section", "Author", "Body, in Markdown"]) await page.getByLabel(name).fill("Kept");
  const addresses = loads(page);
  await page.route("**/api/**", answerAsOtherBuild);
  await page.getByRole("button", { name: "Save draft" }).click();
  await expect(page.getByRole("alert")).toContainText("`title` is empty");
  await expect(page.getByLabel("Body, in Markdown")).toHaveValue("Kept");
  expect(addresses, "what was sent may have been done").toEqual([]);

  await page.unroute("**/api/**");
  await open(page, "/search?q=cache");
  await page.getByLabel("Words in titles and summaries").fill("purge");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("status")).toContainText("for “purge”");
  await page.route("**/api/**", answerAsOtherBuild);
  addresses.length = 0;
  await page.getByLabel("Words in titles and summaries").fill("not sent");
  await page.goBack();
  await expect(page.getByRole("status")).toContainText("for “cache”");
  await expect(page.getByLabel("Words in titles and summaries")).toHaveValue("not sent");
  expect(addresses).toEqual([]);
});

serverTest("a tab that outlives its server is taken to the next build's pages", async ({ page, start, settings }) => {
  const build = () => page.locator("meta[name=isr-build]").getAttribute("content");
  const before = await start({ ...settings, ISR_BUILD_ID: "build-1" });
  expect((await before.request.get("/about")).headers()["x-isr-build"]).toBe("build-1");
  const said = complaints(page);
  await open(page, `${before.url}/articles/rain`);
  expect(await build()).toBe("build-1");
  expect(await before.stop()).toBe(0);

  await start({ ...settings, ISR_BUILD_ID: "build-2", LEPTOS_SITE_ADDR: new URL(before.url).host });
  const addresses = loads(page);
  const related = page.getByRole("complementary");
  await untilLoadedBy(page, () => related.getByRole("link", { name: "About snow" }).click());
  expect(addresses).toEqual(["/articles/snow"]);
  await expect(page.getByText("It is a day of snow.")).toBeVisible();
  expect(await build()).toBe("build-2");

  await related.getByRole("link", { name: "About rain" }).click();
  await expect(page.getByText("It is a day of rain.")).toBeVisible();
  expect(addresses, "a tab of this build follows links without a load").toEqual(["/articles/snow"]);
  expect(said).toEqual([]);
});
