import path from "node:path";

// As `next build` makes it for production, compression included: on a phone, bytes count.
const root = path.join(import.meta.dirname, "../../..");
export default { outputFileTracingRoot: root, turbopack: { root } };
