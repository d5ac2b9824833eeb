// As `next build` makes it for production; compression is left to what stands in front.
export default { compress: false, poweredByHeader: false, productionBrowserSourceMaps: false };
