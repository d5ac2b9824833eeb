((script, program) => {
	let begun = false;
	const here = () => location.pathname + location.search;
	const drawn = here();
	// The entry before may be of this document, by an app that ran in it before a reload.
	const leave = () => {
		if (here() !== drawn) location.reload();
	};
	addEventListener("popstate", leave);
	const hydrate = (app) => {
		if (here() !== drawn) return;
		removeEventListener("popstate", leave);
		app.hydrate();
	};
	const begin = () => {
		if (begun) return;
		begun = true;
		// Both at once: the script wants the program as soon as it is there.
		const fetched = fetch(program);
		fetched.catch(() => {});
		import(script)
			// In a task of its own: what the visitor does is not held up by both.
			.then((app) => app.default({ module_or_path: fetched }).then(() => setTimeout(hydrate, 0, app)))
			.catch(console.error);
	};
	// A page in a tab that is not seen is not painted, and not every browser tells.
	setTimeout(begin, 2000);
	new PerformanceObserver((seen) => {
		if (seen.getEntriesByName("first-contentful-paint").length) begin();
	}).observe({ type: "paint", buffered: true });
})
