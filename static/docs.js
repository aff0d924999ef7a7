// /docs: Swagger UI, on what the server says of itself.

SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true });
