// /docs: Swagger UI, on what the server says of itself. It would fill every field of a form with something; here fields
// begin as what stands for them if they are left out, and what is empty is not sent.

const described = await (await fetch("openapi.json")).json();
described.servers = [{ url: new URL(".", document.baseURI).href.slice(0, -1) }];
for (const [name, schema] of Object.entries(described.components.schemas)) {
  if (!name.startsWith("Body_")) continue;
  for (const field of Object.values(schema.properties)) field.example = field.examples?.[0] ?? field.default ?? "";
}

function withoutEmpty(request) {
  if (request.body instanceof FormData) {
    for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
  }
  return request;
}

SwaggerUIBundle({ spec: described, dom_id: "#docs", deepLinking: true, tryItOutEnabled: true, requestInterceptor: withoutEmpty });
