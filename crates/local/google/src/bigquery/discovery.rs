//! The discovery document, from which `bq` and Google's API client libraries for Python and other
//! languages build their methods.
//!
//! The document describes the calls that this server answers, with the paths and parameters of
//! Google's (<https://bigquery.googleapis.com/discovery/v1/apis/bigquery/v2/rest>; format: "Google API
//! Discovery Service", "Using the discovery document"). Its schemas have no properties: the server
//! checks the bodies.

use serde_json::{Map, Value, json};

/// The scope that clients ask for.
const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";
const PAGES: &[&str] = &["maxResults", "pageToken"];

struct Method {
    resource: &'static str,
    name: &'static str,
    http: &'static str,
    path: &'static str,
    /// Parameters apart from those in the path.
    query: &'static [&'static str],
    /// The schema of the body.
    request: &'static str,
    response: &'static str,
}

macro_rules! methods {
    ($($resource:literal $name:literal $http:literal $path:literal $query:expr, $request:literal => $response:literal;)*) => {
        &[$(Method {
            resource: $resource, name: $name, http: $http, path: $path, query: $query,
            request: $request, response: $response,
        }),*]
    };
}

/// An empty name of a schema: no body.
const METHODS: &[Method] = methods! {
    "projects" "list" "GET" "projects" PAGES, "" => "ProjectList";
    "datasets" "list" "GET" "projects/{projectId}/datasets" &["maxResults", "pageToken", "all", "filter"], "" => "DatasetList";
    "datasets" "get" "GET" "projects/{projectId}/datasets/{datasetId}" &[], "" => "Dataset";
    "datasets" "insert" "POST" "projects/{projectId}/datasets" &[], "Dataset" => "Dataset";
    "datasets" "patch" "PATCH" "projects/{projectId}/datasets/{datasetId}" &[], "Dataset" => "Dataset";
    "datasets" "update" "PUT" "projects/{projectId}/datasets/{datasetId}" &[], "Dataset" => "Dataset";
    "datasets" "delete" "DELETE" "projects/{projectId}/datasets/{datasetId}" &["deleteContents"], "" => "";
    "tables" "list" "GET" "projects/{projectId}/datasets/{datasetId}/tables" PAGES, "" => "TableList";
    "tables" "get" "GET" "projects/{projectId}/datasets/{datasetId}/tables/{tableId}" &["selectedFields", "view"], "" => "Table";
    "tables" "insert" "POST" "projects/{projectId}/datasets/{datasetId}/tables" &[], "Table" => "Table";
    "tables" "patch" "PATCH" "projects/{projectId}/datasets/{datasetId}/tables/{tableId}" &[], "Table" => "Table";
    "tables" "update" "PUT" "projects/{projectId}/datasets/{datasetId}/tables/{tableId}" &[], "Table" => "Table";
    "tables" "delete" "DELETE" "projects/{projectId}/datasets/{datasetId}/tables/{tableId}" &[], "" => "";
    "routines" "list" "GET" "projects/{projectId}/datasets/{datasetId}/routines" PAGES, "" => "ListRoutinesResponse";
    "tabledata" "list" "GET" "projects/{projectId}/datasets/{datasetId}/tables/{tableId}/data"
        &["maxResults", "pageToken", "startIndex", "selectedFields", "formatOptions.useInt64Timestamp"], "" => "TableDataList";
    "jobs" "list" "GET" "projects/{projectId}/jobs" &["maxResults", "pageToken", "allUsers", "projection", "stateFilter", "parentJobId", "minCreationTime", "maxCreationTime"], "" => "JobList";
    "jobs" "get" "GET" "projects/{projectId}/jobs/{jobId}" &["location"], "" => "Job";
    "jobs" "insert" "POST" "projects/{projectId}/jobs" &[], "Job" => "Job";
    "jobs" "cancel" "POST" "projects/{projectId}/jobs/{jobId}/cancel" &["location"], "" => "JobCancelResponse";
    "jobs" "delete" "DELETE" "projects/{projectId}/jobs/{jobId}/delete" &["location"], "" => "";
    "jobs" "query" "POST" "projects/{projectId}/queries" &[], "QueryRequest" => "QueryResponse";
    "jobs" "getQueryResults" "GET" "projects/{projectId}/queries/{jobId}"
        &["location", "maxResults", "pageToken", "startIndex", "timeoutMs", "formatOptions.useInt64Timestamp"], "" => "GetQueryResultsResponse";
};

/// Parameters that are no texts.
fn parameter_type(name: &str) -> &'static str {
    match name {
        "maxResults" | "timeoutMs" => "integer",
        "all" | "allUsers" | "deleteContents" | "formatOptions.useInt64Timestamp" => "boolean",
        _ => "string",
    }
}

/// The names in braces.
fn path_parameters(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|it| it.split_once('}')).map(|(name, _)| name).collect()
}

impl Method {
    fn description(&self) -> Value {
        let in_path = path_parameters(self.path);
        let mut parameters = Map::new();
        for name in &in_path {
            let described = json!({"type": "string", "location": "path", "required": true});
            parameters.insert((*name).to_owned(), described);
        }
        for name in self.query {
            let described = json!({"type": parameter_type(name), "location": "query"});
            parameters.insert((*name).to_owned(), described);
        }
        let mut method = json!({
            "id": format!("bigquery.{}.{}", self.resource, self.name),
            "path": self.path,
            "httpMethod": self.http,
            "description": format!("{} {}", self.http, self.path),
            "parameters": parameters,
            "parameterOrder": in_path,
            "scopes": [SCOPE],
        });
        if !self.request.is_empty() {
            method["request"] = json!({"$ref": self.request});
        }
        if !self.response.is_empty() {
            method["response"] = json!({"$ref": self.response});
        }
        if (self.resource, self.name) == ("jobs", "insert") {
            let path = "/upload/bigquery/v2/projects/{projectId}/jobs";
            let protocol = json!({"multipart": true, "path": path});
            method["supportsMediaUpload"] = json!(true);
            method["mediaUpload"] = json!({
                "accept": ["*/*"], "protocols": {"simple": protocol, "resumable": protocol},
            });
        }
        method
    }
}

/// The document for a server with this address, such as `http://127.0.0.1:9004`.
pub(super) fn document(url: &str) -> Value {
    let mut schemas = Map::new();
    let mut resources = Map::new();
    for method in METHODS {
        for name in [method.request, method.response].into_iter().filter(|it| !it.is_empty()) {
            let schema = json!({"id": name, "type": "object", "properties": {}});
            schemas.insert(name.to_owned(), schema);
        }
        let resource = resources.entry(method.resource).or_insert_with(|| json!({"methods": {}}));
        resource["methods"][method.name] = method.description();
    }
    json!({
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "bigquery:v2",
        "name": "bigquery",
        "version": "v2",
        "title": "BigQuery API",
        "description": "The local BigQuery.",
        "protocol": "rest",
        "rootUrl": format!("{url}/"),
        "servicePath": "bigquery/v2/",
        "baseUrl": format!("{url}/bigquery/v2/"),
        "basePath": "/bigquery/v2/",
        "batchPath": "batch/bigquery/v2",
        "parameters": {
            "alt": {"type": "string", "location": "query", "default": "json"},
            "fields": {"type": "string", "location": "query"},
            "prettyPrint": {"type": "boolean", "location": "query", "default": "true"},
            "quotaUser": {"type": "string", "location": "query"},
        },
        "auth": {"oauth2": {"scopes": {SCOPE: {"description": "BigQuery"}}}},
        "schemas": schemas,
        "resources": resources,
    })
}
