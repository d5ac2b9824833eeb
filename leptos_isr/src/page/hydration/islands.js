((script, program) => {
	// Both at once: the script wants the program as soon as it is there.
	const fetched = fetch(program);
	fetched.catch(() => {});
	import(script).then(async (app) => {
		await app.default({ module_or_path: fetched });
		/** Hydrates the islands in `node`, itself included; `parent` is the nearest element with children of an island. */
		const hydrate = async (node, parent) => {
			const name = node.localName === "leptos-island" && node.dataset.component;
			if (name && app[name]) {
				(parent?.$$on_hydrate ?? app.isr_enter_root)();
				await app[name](node);
				// A lazy island takes no click before.
				node.dataset.hydrated = "";
			} else if (name) {
				console.warn(`the program has no island ${name}`);
			}
			const within = node.localName === "leptos-children" ? node : parent;
			for (const child of [...node.children]) await hydrate(child, within);
		};
		app.hydrate();
		await hydrate(document.body);
		app.isr_islands_hydrated();
		globalThis.__isr_hydrate = (node) => hydrate(node, node.closest("leptos-children"));
	}).catch(console.error);
})
