// Renders /openapi.json. All text goes in as text nodes, never as markup: descriptions are data.

const methods = ["get", "put", "post", "patch", "delete", "head", "options"];

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child != null));
  return node;
}

function resolve(spec, node) {
  for (let hops = 0; node?.$ref && hops < 20; hops++) {
    node = node.$ref.slice(2).split("/").reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
  }
  return node ?? {};
}

function typeName(spec, schema) {
  const name = schema?.$ref?.split("/").pop();
  const s = resolve(spec, schema);
  const types = [s.type ?? []].flat().filter((type) => type !== "null");
  if (types.includes("array")) return `${typeName(spec, s.items)}[]`;
  if (s.const !== undefined) return JSON.stringify(s.const);
  return [name ?? (types.join(" or ") || "any"), s.format && `(${s.format})`].filter(Boolean).join(" ");
}

function limits(s) {
  const words = [];
  if (s.enum) words.push(`one of ${s.enum.map((value) => JSON.stringify(value)).join(", ")}`);
  for (const [key, word] of [["minimum", "≥"], ["maximum", "≤"], ["exclusiveMinimum", ">"], ["exclusiveMaximum", "<"],
    ["minLength", "length ≥"], ["maxLength", "length ≤"], ["minItems", "items ≥"], ["maxItems", "items ≤"],
    ["pattern", "matches"]]) {
    if (s[key] !== undefined) words.push(`${word} ${s[key]}`);
  }
  if (s.default !== undefined) words.push(`default ${JSON.stringify(s.default)}`);
  return words.join("; ");
}

function row(name, required, type, schema, description) {
  return el("tr", {},
    el("td", {}, el("code", {}, name), required ? el("strong", { title: "required" }, " required") : ""),
    el("td", {}, el("code", {}, type)),
    el("td", {}, description ?? "", limits(schema) ? el("div", { class: "dim" }, limits(schema)) : null));
}

function table(caption, rows) {
  return el("table", { "aria-label": caption },
    el("thead", {}, el("tr", {}, ...["name", "type", "meaning"].map((h) => el("th", { scope: "col" }, h)))),
    el("tbody", {}, ...rows));
}

// A schema as rows a.b, a.c[]…; one that contains itself is cut where it repeats.
function schemaRows(spec, schema, prefix = "", seen = []) {
  const s = resolve(spec, schema);
  if (seen.includes(s) || seen.length > 6) return [];
  if ([s.type ?? []].flat().includes("array")) return schemaRows(spec, s.items, `${prefix}[]`, [...seen, s]);
  const properties = Object.entries(s.properties ?? {});
  for (const part of s.allOf ?? []) properties.push(...Object.entries(resolve(spec, part).properties ?? {}));
  if (typeof s.additionalProperties === "object") properties.push(["*", s.additionalProperties]);
  return properties.flatMap(([key, property]) => {
    const path = prefix ? `${prefix}.${key}` : key;
    const p = resolve(spec, property);
    return [row(path, s.required?.includes(key), typeName(spec, property), p, property.description ?? p.description),
      ...schemaRows(spec, property, path, [...seen, s])];
  });
}

function content(spec, label, media) {
  return Object.entries(media ?? {}).map(([type, { schema, example }]) => {
    const rows = schemaRows(spec, schema);
    return el("div", {},
      el("p", { class: "dim" }, `${type}: `, el("code", {}, typeName(spec, schema))),
      rows.length ? table(`${label}, ${type}`, rows) : null,
      example === undefined ? null : el("pre", {}, JSON.stringify(example, null, 2)));
  });
}

function response(spec, status, reference) {
  const r = resolve(spec, reference);
  const headers = Object.entries(r.headers ?? {}).map(([name, header]) => {
    const h = resolve(spec, header);
    return row(name, h.required, typeName(spec, h.schema), resolve(spec, h.schema), h.description);
  });
  const attributes = /^2/.test(status) ? { open: "" } : {};
  return el("details", attributes,
    el("summary", {}, el("strong", {}, status === "default" ? "any other status" : status), ` ${r.description ?? ""}`),
    headers.length ? table(`headers of ${status}`, headers) : null,
    ...content(spec, `body of ${status}`, r.content));
}

function operation(spec, { path, method, op, shared, id }) {
  const parameters = [...shared, ...(op.parameters ?? [])].map((p) => resolve(spec, p));
  const body = resolve(spec, op.requestBody);
  const schemes = (op.security ?? spec.security ?? []).flatMap((s) => Object.keys(s));
  const parts = [];
  if (schemes.length) {
    const told = schemes.map((name) => spec.components?.securitySchemes?.[name]?.description ?? name);
    parts.push(el("p", {}, "Authorization: ", el("code", {}, schemes.join(", ")), ` – ${told.join("; ")}`));
  }
  if (parameters.length) {
    parts.push(el("h4", {}, "Parameters"), table("parameters", parameters.map((p) =>
      row(`${p.name} (${p.in})`, p.required, typeName(spec, p.schema), resolve(spec, p.schema), p.description))));
  }
  if (body.content) {
    parts.push(el("h4", {}, body.required ? "Body" : "Body (may be left out)"), ...content(spec, "body", body.content));
  }
  parts.push(el("h4", {}, "Answers"),
    ...Object.entries(op.responses ?? {}).map(([status, r]) => response(spec, status, r)));
  return el("article", { id, "data-find": [method, path, op.summary, op.description, ...(op.tags ?? [])].join(" ").toLowerCase() },
    el("h3", {}, el("span", { class: "method" }, method), el("code", {}, path)),
    op.deprecated ? el("p", {}, el("strong", {}, "Deprecated.")) : null,
    el("p", {}, op.summary ?? "", op.description && op.description !== op.summary ? el("span", {}, ` – ${op.description}`) : null),
    ...parts);
}

function operations(spec) {
  return Object.entries(spec.paths ?? {}).flatMap(([path, item]) => methods.filter((method) => item[method]).map((method) => ({
    path, method, op: item[method], shared: item.parameters ?? [],
    id: item[method].operationId ?? `${method}-${path.replaceAll(/[^a-z0-9]+/gi, "-")}`,
  })));
}

function render(spec) {
  document.title = `${spec.info.title}: API`;
  document.querySelector("#title").textContent = `${spec.info.title}: API`;
  document.querySelector("#description").textContent = spec.info.description ?? "";
  document.querySelector("#version").textContent = `version ${spec.info.version}`;

  const all = operations(spec);
  const order = (spec.tags ?? []).map((tag) => tag.name);
  const tags = [...new Set([...order, ...all.flatMap(({ op }) => op.tags?.[0] ?? "other").sort()])];
  const contents = document.querySelector("#contents");
  const main = document.querySelector("#operations");
  main.replaceChildren(all.length ? "" : "No operations are described.");
  for (const tag of tags) {
    const group = all.filter(({ op }) => (op.tags?.[0] ?? "other") === tag);
    if (!group.length) continue;
    const about = spec.tags?.find(({ name }) => name === tag)?.description;
    contents.append(el("section", {}, el("strong", {}, tag),
      el("ul", {}, ...group.map(({ id, method, path, op }) =>
        el("li", { "data-for": id }, el("a", { href: `#${id}`, title: op.summary ?? "" }, `${method.toUpperCase()} ${path}`))))));
    main.append(el("section", {}, el("h2", {}, tag), about ? el("p", {}, about) : null, ...group.map((o) => operation(spec, o))));
  }
  document.querySelector("#find").addEventListener("input", ({ target }) => {
    const words = target.value.toLowerCase().split(/\s+/);
    for (const article of main.querySelectorAll("article")) {
      article.hidden = !words.every((word) => article.dataset.find.includes(word));
      contents.querySelector(`[data-for="${CSS.escape(article.id)}"]`).hidden = article.hidden;
    }
    for (const section of document.querySelectorAll("main section, nav section")) {
      section.hidden = ![...section.querySelectorAll("article, li")].some((child) => !child.hidden);
    }
  });
  // The target of a link did not exist when the page was opened.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  render(await answer.json());
} catch (err) {
  document.querySelector("#operations").textContent = `The description could not be loaded: ${err.message}. Load the page again.`;
}
