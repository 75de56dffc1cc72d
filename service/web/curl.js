// A call as the line that makes it in a shell. Files go by their names, the key by a variable.

/** `call`: {method, path, headers, fields: [[name, value or {blob, name}]], output}. `keyed`: whether a key is sent. */
export function curlOf(call, keyed) {
  const parts = ["curl"];
  if (call.method !== "GET" && !call.fields) parts.push(`-X ${call.method}`);
  if (keyed) parts.push('-H "Authorization: Bearer $KEY"');
  for (const [name, value] of Object.entries(call.headers ?? {})) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  for (const [name, value] of call.fields ?? []) parts.push(field(name, value));
  if (call.output) parts.push(`-o ${quoted(call.output)}`);
  parts.push(quoted(new URL(call.path, document.baseURI).href));
  return parts.join(" \\\n  ");
}

/** `--form-string` takes a text as it is; `-F` would read a leading @ or < as a file. */
function field(name, value) {
  if (typeof value === "object") return `-F ${quoted(`${name}=@"${value.name.replace(/["\\]/g, "\\$&")}"`)}`;
  return `--form-string ${quoted(`${name}=${value}`)}`;
}

function quoted(text) {
  return /^[\w./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
