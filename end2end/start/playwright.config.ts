// The example `start`: full hydration, and navigation without loads.
import path from "node:path";
import { defineConfig } from "@playwright/test";
import site from "../playwright.config";

const address = "127.0.0.1:3211";
const results = path.join(__dirname, "..", "test-results", "start");

export default defineConfig({
  ...site,
  testDir: ".",
  outputDir: results,
  use: { ...site.use, baseURL: `http://${address}` },
  webServer: {
    command: "./serve.sh",
    cwd: __dirname,
    url: `http://${address}`,
    env: { SCRATCH: path.join(results, "site"), LEPTOS_SITE_ADDR: address },
    gracefulShutdown: { signal: "SIGTERM", timeout: 12_000 },
  },
});
