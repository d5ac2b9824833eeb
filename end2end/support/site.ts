import { type Page, type Response, expect } from "@playwright/test";
import { EDITOR_PASSWORD } from "./secrets";

export const SITE_NAME = "The Revalidator";
export const ARTICLE = "/articles/age-is-arithmetic";
export const SECTION = "/sections/http-caching";

/** A page that readers reach: its address, the document's title, its first heading. */
export type PublicPage = { path: string; title: string; heading: string; status: number };

function publicPage(path: string, title: string, heading = title, status = 200): PublicPage {
  return { path, title: title === SITE_NAME ? title : `${title} · ${SITE_NAME}`, heading, status };
}

export const PUBLIC_PAGES: PublicPage[] = [
  publicPage("/", SITE_NAME),
  publicPage(ARTICLE, "Age is arithmetic, and you can do it by hand"),
  publicPage(SECTION, "HTTP caching"),
  publicPage(`${SECTION}?page=2`, "HTTP caching, page 2", "HTTP caching"),
  publicPage("/about", "About"),
  publicPage("/live", "Live"),
  publicPage("/search?q=cache", "Search"),
  publicPage("/articles/no-such-article", "Page not found", "Page not found", 404),
  publicPage("/no/such/page", "Page not found", "Page not found", 404),
];

/** Opens a page and waits until it is hydrated. */
export async function open(page: Page, path: string): Promise<Response> {
  const response = await page.goto(path);
  await untilHydrated(page);
  return response!;
}

export async function untilHydrated(page: Page): Promise<void> {
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
}

/** Sends the sign-in form, which must be open. */
export async function signIn(page: Page, password = EDITOR_PASSWORD): Promise<void> {
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

export async function assertShows(page: Page, { title, heading }: PublicPage): Promise<void> {
  await expect(page).toHaveTitle(title);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(heading);
}

/** Collects what the browser complains about, from now on. */
export function complaints(page: Page): string[] {
  const said: string[] = [];
  page.on("pageerror", (error) => said.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    // A page that is not found is one of the pages here.
    const isPage404 = message.location().url === page.url() && message.text().includes("404");
    if (["error", "warning"].includes(message.type()) && !isPage404) {
      said.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("requestfailed", (request) => {
    // What is under way when the page is left is given up: a stream of events, the icon.
    const isGivenUp = request.failure()?.errorText === "net::ERR_ABORTED";
    if (!isGivenUp) said.push(`failed: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400 && !response.request().isNavigationRequest()) {
      said.push(`answered ${response.status()}: ${response.url()}`);
    }
  });
  return said;
}
