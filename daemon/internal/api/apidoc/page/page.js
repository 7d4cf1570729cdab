"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const verbs = ["get", "post", "put", "patch", "delete", "head"];
  let doc;

  // el makes an element. Whatever the document says becomes text, never markup.
  function el(name, attributes, ...children) {
    const e = document.createElement(name);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (v !== undefined && v !== false) e.setAttribute(k, v === true ? "" : v);
    }
    for (const c of children.flat()) if (c !== undefined && c !== null && c !== "") e.append(c);
    return e;
  }
  const soft = (text) => el("span", { class: "soft" }, text);

  // prose is a text in which `this` is code.
  function prose(text) {
    return (text || "").split("`").map((part, i) => (i % 2 ? el("code", null, part) : part));
  }

  function deref(v) {
    for (let i = 0; v && v.$ref && i < 10; i++) {
      v = v.$ref.slice(2).split("/").reduce((at, name) => at && at[name.replace(/~1/g, "/").replace(/~0/g, "~")], doc);
    }
    return v || {};
  }
  const nameOf = (v) => (v && v.$ref ? v.$ref.slice(v.$ref.lastIndexOf("/") + 1) : "");

  function typeOf(schema) {
    const s = deref(schema);
    const types = [].concat(s.type || []).filter((t) => t !== "null");
    const nullable = [].concat(s.type || []).includes("null");
    let text = nameOf(schema) || types.join(" or ") || "anything";
    if (types[0] === "array" && s.items) text = "list of " + typeOf(s.items);
    else if (s.format && !nameOf(schema) && !/^(int|double|float)/.test(s.format)) text = s.format;
    return text + (nullable && types[0] !== "array" ? ", or null" : "");
  }

  function limits(s) {
    const out = [];
    if (s.enum) out.push("one of " + s.enum.map((v) => JSON.stringify(v)).join(", "));
    if (s.minimum !== undefined && s.maximum !== undefined) out.push(s.minimum + " to " + s.maximum);
    else if (s.minimum !== undefined) out.push("at least " + s.minimum);
    else if (s.maximum !== undefined) out.push("at most " + s.maximum);
    if (s.maxItems !== undefined) out.push("at most " + s.maxItems + " items");
    if (s.maxLength !== undefined) out.push("at most " + s.maxLength + " characters");
    if (s.default !== undefined) out.push(JSON.stringify(s.default) + " if absent");
    if (s.readOnly) out.push("in answers only");
    return out.join("; ");
  }

  // row is one parameter or field.
  function row(name, required, schema, description, example, where) {
    const s = deref(schema);
    const dd = el("dd", null, soft(typeOf(schema) + (where ? " in the " + where : "")), " ", ...prose(description || s.description || ""));
    const bounds = limits(s);
    if (bounds) dd.append(" ", soft("(" + bounds + ")"));
    if (example !== undefined) dd.append(el("div", { class: "soft" }, "Example: ", el("code", null, typeof example === "string" ? example : JSON.stringify(example))));
    const inner = fieldsOf(schema);
    if (inner) dd.append(nest("its fields", schema));
    return el("div", null, el("dt", null, el("span", { class: "name" }, name), " ", required ? el("span", { class: "must" }, "required") : ""), dd);
  }

  // fieldsOf is the schema whose fields are worth showing: an object's own, or
  // those of a list's items.
  function fieldsOf(schema) {
    let s = deref(schema);
    while (s.items) s = deref(s.items);
    return s.properties && Object.keys(s.properties).length ? s : null;
  }

  function table(schema) {
    const s = fieldsOf(schema);
    const required = s.required || [];
    return el("dl", { class: "rows" }, Object.entries(s.properties).map(([name, p]) => row(name, required.includes(name), p)));
  }

  // nest shows fields when it is opened: schemas may contain themselves.
  function nest(label, schema) {
    const d = el("details", { class: "nest" }, el("summary", null, label));
    d.addEventListener("toggle", () => { if (d.open && !d.dataset.done) { d.dataset.done = "1"; d.append(table(schema)); } });
    return d;
  }

  function code(text, label, wrap) {
    const copy = el("button", { type: "button", "aria-label": "Copy " + label }, "Copy");
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(pre); // not allowed here: it is selected instead
        copy.textContent = "Selected";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
    const pre = el("pre", { tabindex: "0", class: wrap ? "wrap" : undefined, "aria-label": label }, text);
    return el("div", { class: "code" }, pre, copy);
  }

  const pretty = (v) => (typeof v === "string" ? v : JSON.stringify(v, null, 2));
  const quote = (text) => "'" + text.replace(/'/g, "'\\''") + "'";

  function curl(op) {
    const server = new URL(((doc.servers || [])[0] || { url: "/" }).url, location.href).href.replace(/\/$/, "");
    let path = op.path;
    const lines = [];
    for (const p of (op.parameters || []).map(deref)) {
      if (p.in === "path") path = path.replace("{" + p.name + "}", encodeURIComponent(p.example ?? p.name));
      if (p.in === "query" && p.required) path += (path.includes("?") ? "&" : "?") + encodeURIComponent(p.name) + "=" + encodeURIComponent(p.example ?? "");
    }
    const stream = Object.keys((op.responses["200"] || {}).content || {}).includes("text/event-stream");
    lines.push("curl -sS" + (stream ? "N" : "") + (op.verb === "get" ? "" : " -X " + op.verb.toUpperCase()) + " " + quote(server + path));
    if ((op.security || []).length) lines.push('-H "Authorization: Bearer $TOKEN"');
    const [media, body] = Object.entries((op.requestBody || {}).content || {})[0] || [];
    if (body && body.example !== undefined) {
      lines.push("-H " + quote("Content-Type: " + media));
      if (media === "application/x-www-form-urlencoded") lines.push("-d " + quote(typeof body.example === "string" ? body.example : new URLSearchParams(body.example).toString()));
      else lines.push("-d " + quote(JSON.stringify(body.example)));
    }
    return lines.join(" \\\n  ");
  }

  function content(title, media) {
    const parts = [];
    for (const [type, m] of Object.entries(media || {})) {
      parts.push(el("p", { class: "soft" }, title ? title + " " : "", el("code", null, type), " ", nameOf(m.schema) || typeOf(m.schema)));
      if (fieldsOf(m.schema)) parts.push(nest("Fields", m.schema));
      if (m.example !== undefined) parts.push(code(pretty(m.example), "the example"));
    }
    return parts;
  }

  function fill(op, body) {
    const needs = op["x-permission"];
    if (op.description && op.description !== "Needs the permission " + needs + ".") body.append(el("p", null, ...prose(op.description)));
    body.append(el("p", { class: "needs" }, (op.security || []).length
      ? ["Permission: ", el("code", null, needs || "none of its own"), ". By ", (op.security || []).flatMap((s) => Object.keys(s)).join(", "), "."]
      : soft("Public: no token is needed.")));
    const parameters = (op.parameters || []).map(deref);
    if (parameters.length) {
      const order = { path: 0, query: 1, header: 2, cookie: 3 };
      parameters.sort((a, b) => order[a.in] - order[b.in]);
      body.append(el("h3", null, "Parameters"), el("dl", { class: "rows" },
        parameters.map((p) => row(p.name, p.required, p.schema, p.description, p.example, p.in))));
    }
    if (op.requestBody) body.append(el("h3", null, "Request body ", op.requestBody.required ? el("span", { class: "must" }, "required") : ""), ...content("", op.requestBody.content));
    body.append(el("h3", null, "Call it"), code(curl(op), "the command", true), el("h3", null, "Answers"));
    for (const [status, r] of Object.entries(op.responses)) {
      const answer = deref(r);
      const d = el("details", { class: "answer", open: status[0] === "2" }, el("summary", null, el("strong", null, status), " ", ...prose(answer.description)));
      const headers = Object.entries(answer.headers || {});
      if (headers.length) d.append(el("dl", { class: "rows" }, headers.map(([name, h]) => row(name, false, h.schema, h.description, h.example, "header"))));
      d.append(...content("", answer.content));
      body.append(d);
    }
  }

  function operation(op) {
    const body = el("div", { class: "body" });
    const d = el("details", { class: "op", id: op.operationId },
      el("summary", null, el("span", { class: "verb " + op.verb.toUpperCase() }, op.verb.toUpperCase()), el("span", { class: "path" }, op.path), soft(op.summary)), body);
    d.addEventListener("toggle", () => {
      if (!d.open) return;
      if (!body.hasChildNodes()) fill(op, body);
      if (location.hash.slice(1) !== op.operationId) history.replaceState(null, "", "#" + op.operationId);
    });
    return d;
  }

  function group(tag, ops) {
    const section = el("section", { "aria-labelledby": "tag-" + tag.name },
      el("h2", { id: "tag-" + tag.name }, tag.name), el("p", { class: "soft" }, ...prose(tag.description)));
    const list = el("ul");
    for (const op of ops) {
      op.element = operation(op);
      section.append(op.element);
      op.link = el("li", null, el("a", { href: "#" + op.operationId }, el("span", { class: "verb " + op.verb.toUpperCase() }, op.verb.toUpperCase()), " ", op.summary));
      list.append(op.link);
    }
    const part = el("details", null, el("summary", null, tag.name), list);
    return { section, part, ops };
  }

  function show(hash) {
    const target = hash && $(decodeURIComponent(hash.slice(1)));
    if (!target || !target.classList.contains("op")) return;
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
    $("nav").classList.remove("open");
    $("menu").setAttribute("aria-expanded", "false");
  }

  function main() {
    $("version").textContent = doc.info.version;
    const schemes = Object.entries(doc.components.securitySchemes || {});
    const intro = el("section", null, el("p", null, doc.info.description || ""),
      el("p", { class: "soft" }, "Server: ", el("code", null, ((doc.servers || [])[0] || { url: "/" }).url), " · the document: ", el("a", { href: "/openapi.json" }, "openapi.json")),
      el("h2", null, "Who asks"),
      el("dl", { class: "rows" }, schemes.map(([name, s]) => el("div", null, el("dt", null, el("span", { class: "name" }, name)), el("dd", null, ...prose(s.description || s.type))))));
    const byTag = new Map((doc.tags || []).map((t) => [t.name, { tag: t, ops: [] }]));
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const verb of verbs) {
        if (!item[verb]) continue;
        const op = { ...item[verb], path, verb };
        const name = (op.tags || ["other"])[0];
        if (!byTag.has(name)) byTag.set(name, { tag: { name }, ops: [] });
        op.words = [verb, path, op.summary, op.operationId, op["x-permission"], name].join(" ").toLowerCase();
        byTag.get(name).ops.push(op);
      }
    }
    const groups = [...byTag.values()].filter((g) => g.ops.length).map((g) => {
      g.ops.sort((a, b) => a.path.localeCompare(b.path) || verbs.indexOf(a.verb) - verbs.indexOf(b.verb));
      return group(g.tag, g.ops);
    });
    const state = $("state");
    state.hidden = true;
    $("main").append(intro, ...groups.map((g) => g.section));
    $("nav").append(...groups.map((g) => g.part));

    const search = $("search");
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const g of groups) {
        let here = 0;
        for (const op of g.ops) {
          const fits = words.every((w) => op.words.includes(w));
          op.element.hidden = op.link.hidden = !fits;
          if (fits) here++;
        }
        g.section.hidden = g.part.hidden = !here;
        g.part.open = words.length > 0 && here > 0;
        found += here;
      }
      intro.hidden = words.length > 0;
      state.hidden = words.length === 0;
      state.textContent = found === 1 ? "1 operation" : found + " operations";
    });
    search.addEventListener("keydown", (e) => {
      if (e.key === "Escape") { search.value = ""; search.dispatchEvent(new Event("input")); }
      if (e.key === "Enter") {
        const first = groups.flatMap((g) => g.ops).find((op) => !op.element.hidden);
        if (first && search.value) { first.element.open = true; first.element.querySelector("summary").focus(); }
      }
    });
    document.addEventListener("keydown", (e) => {
      if (e.key === "/" && !e.ctrlKey && !e.metaKey && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { e.preventDefault(); search.focus(); }
    });
    const asked = new URLSearchParams(location.search).get("q");
    if (asked) {
      search.value = asked;
      search.dispatchEvent(new Event("input"));
    }
    addEventListener("hashchange", () => show(location.hash));
    show(location.hash);
  }

  const store = { get: () => { try { return localStorage.getItem("theme"); } catch { return null; } }, set: (v) => { try { localStorage.setItem("theme", v); } catch { /* it lasts for this page */ } } };
  const root = document.documentElement;
  if (store.get()) root.dataset.theme = store.get();
  $("theme").addEventListener("click", () => {
    const dark = (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    store.set(root.dataset.theme);
  });
  $("menu").addEventListener("click", () => $("menu").setAttribute("aria-expanded", String($("nav").classList.toggle("open"))));

  fetch("/openapi.json").then((r) => {
    if (!r.ok) throw new Error("the server answered " + r.status);
    return r.json();
  }).then((d) => { doc = d; main(); }).catch((e) => {
    $("state").textContent = "The document could not be read: " + e.message + ". Reload the page to try again.";
  });
})();
