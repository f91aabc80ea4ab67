// Renders /openapi.json. Everything is set as text: a description can't become markup.
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

function table(rows) {
  return el('table', {}, ...rows.map((cells) => el('tr', {}, ...cells.map((c) => el('td', {}, c)))));
}

function deref(spec, schema) {
  for (let i = 0; schema && schema.$ref && i < 20; i++) {
    schema = spec.components.schemas[schema.$ref.split('/').pop()];
  }
  return schema || {};
}

function typeOf(schema) {
  const type = [].concat(schema.type || 'any').join(' or ');
  const limits = ['format', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern', 'default']
    .filter((key) => schema[key] !== undefined && !(key === 'format' && schema[key] === 'int64'))
    .map((key) => `${key} ${schema[key]}`);
  if (schema.enum) limits.push(schema.enum.join(' | '));
  return limits.length ? `${type} (${limits.join(', ')})` : type;
}

// shape draws a schema as an indented outline; depth ends recursion of schemas that contain themselves.
function shape(spec, schema, indent = '', depth = 0) {
  schema = deref(spec, schema);
  const types = [].concat(schema.type || []);
  if (depth > 6) return '…';
  if (types.includes('array')) return `[ ${shape(spec, schema.items, indent, depth + 1)} ]`;
  if (!schema.properties) return typeOf(schema);
  const required = new Set(schema.required || []);
  const inner = indent + '  ';
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const note = deref(spec, property).description;
    const optional = required.has(name) ? '' : '?';
    return `${inner}${name}${optional}: ${shape(spec, property, inner, depth + 1)}${note ? `  — ${note}` : ''}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function access(operation) {
  if (!operation.security || operation.security.length === 0) return 'open';
  return operation.security.some((s) => Object.keys(s).length === 0) ? 'token optional' : 'token needed';
}

function body(spec, heading, content) {
  const schema = content && Object.values(content)[0]?.schema;
  return schema ? [el('h3', {}, heading), el('pre', {}, shape(spec, schema))] : [];
}

function call(spec, path, method, operation) {
  const parameters = (operation.parameters || []).map((p) =>
    [`${p.name} (${p.in}${p.required ? '' : ', optional'})`, typeOf(deref(spec, p.schema)), p.description || '']);
  const answers = Object.entries(operation.responses || {}).sort();
  const good = answers.filter(([status]) => status.startsWith('2'));
  const bad = answers.filter(([status]) => !status.startsWith('2'));
  return el('details', { id: operation.operationId || `${method} ${path}` },
    el('summary', {}, el('span', { class: 'method' }, method.toUpperCase()), el('code', {}, path),
      el('span', {}, operation.summary || ''), el('span', { class: 'access' }, access(operation))),
    operation.description ? el('p', {}, operation.description) : null,
    ...(parameters.length ? [el('h3', {}, 'Parameters'), table(parameters)] : []),
    ...body(spec, 'Body', operation.requestBody?.content),
    ...good.flatMap(([status, r]) => [...body(spec, `Answer ${status}`, r.content),
      ...(r.content ? [] : [el('h3', {}, `Answer ${status}`), el('p', {}, r.description)])]),
    el('h3', {}, 'Refusals'), table(bad.map(([status, r]) => [status, r.description])));
}

function render(spec) {
  document.title = spec.info.title;
  document.getElementById('title').textContent = `${spec.info.title} ${spec.info.version}`;
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths || {})) {
    for (const method of METHODS.filter((m) => item[m])) {
      const tag = item[method].tags?.[0] || 'other';
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(call(spec, path, method, item[method]));
    }
  }
  const sections = [...groups].sort(([a], [b]) => a.localeCompare(b))
    .map(([tag, calls]) => el('section', {}, el('h2', {}, tag), ...calls));
  document.getElementById('calls').replaceChildren(...sections);
  const linked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked) linked.open = true;
}

function filter(text) {
  const wanted = text.trim().toLowerCase();
  for (const section of document.querySelectorAll('section')) {
    let shown = 0;
    for (const details of section.querySelectorAll('details')) {
      details.hidden = !details.textContent.toLowerCase().includes(wanted);
      if (!details.hidden) shown++;
    }
    section.hidden = shown === 0;
  }
}

async function start() {
  const calls = document.getElementById('calls');
  try {
    const answer = await fetch('/openapi.json');
    if (!answer.ok) throw new Error(`openapi.json answered ${answer.status}`);
    render(await answer.json());
  } catch (problem) {
    calls.textContent = `The description could not be shown: ${problem.message}`;
    return;
  }
  const input = document.getElementById('filter');
  input.addEventListener('input', () => filter(input.value));
}

start();
