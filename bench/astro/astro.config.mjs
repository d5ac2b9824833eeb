import preact from "@astrojs/preact";
import { defineConfig } from "astro/config";

// A static site with an island. `prefetchAll` is for all links, as the Astro documentation's page on
// prefetching has it; when a link is prefetched is left as it is by default, on `hover`.
export default defineConfig({
  integrations: [preact()],
  prefetch: { prefetchAll: true },
  build: { format: "file" },
});
