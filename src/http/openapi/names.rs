//! Names that credentials give: where they are required, a request need not say who acts.

use utoipa::openapi::{
    OpenApi as Document, RefOr, Required, Schema,
    path::{Operation, ParameterIn},
};

use super::super::operations;
use crate::domain::policy::Act;

const USERNAME: &str = "username";

/// Has no operation need the name of the one who acts: the credential says it.
pub(super) fn leave_to_credentials(document: &mut Document) {
    let mut bodies = Vec::new();
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (axum::http::Method::GET, &mut item.get),
            (axum::http::Method::PUT, &mut item.put),
            (axum::http::Method::POST, &mut item.post),
            (axum::http::Method::PATCH, &mut item.patch),
            (axum::http::Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            // Whoever registers or is invited has no credential yet.
            let names_others = operations::act(&method, path).is_none_or(Act::is_about_accounts);
            if !names_others {
                for parameter in operation.parameters.iter_mut().flatten() {
                    if let RefOr::T(parameter) = parameter
                        && parameter.name == USERNAME
                        && parameter.parameter_in == ParameterIn::Query
                    {
                        parameter.required = Required::False;
                    }
                }
                bodies.extend(body_schema(operation));
            }
        }
    }
    let schemas = document.components.iter_mut().flat_map(|components| &mut components.schemas);
    for (_, schema) in schemas.filter(|(name, _)| bodies.contains(name)) {
        if let RefOr::T(Schema::Object(object)) = schema {
            object.required.retain(|field| field != USERNAME);
        }
    }
}

/// The name of the schema that an operation's body has.
fn body_schema(operation: &Operation) -> Option<String> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None };
    let Some(RefOr::T(content)) = body.content.values().next() else { return None };
    let Some(RefOr::Ref(schema)) = &content.schema else { return None };
    schema.ref_location.rsplit('/').next().map(str::to_owned)
}
