use http::{Method, StatusCode};

use crate::api::Api;

#[tokio::test]
async fn ok_and_ready_are_open() {
    let api = Api::new().await;
    let version = env!("CARGO_PKG_VERSION");
    let ok = api.get("/server/ok").send().await;
    assert_eq!(ok.text, format!(r#"{{"code":200,"data":{{"details":"ok","version":"{version}"}},"success":true}}"#));
    let ready = api.get("/server/ready").send().await;
    assert_eq!(ready.text, r#"{"code":200,"data":{"details":"ready","database":"ok"},"success":true}"#);
    assert_eq!(ready.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_stopping_gateway_lives_but_takes_nothing() {
    let api = Api::with_session("t").await;
    api.stopping.cancel();
    assert_eq!(api.get("/server/ok").send().await.status, StatusCode::OK);
    for path in ["/server/ready", "/session/status", "/nowhere"] {
        let answer = api.get(path).token("t").send().await;
        answer.fails(503, "shutting_down", None, true, "shutting down");
    }
}

#[tokio::test]
async fn readiness_needs_the_database() {
    let api = Api::new().await;
    api.store.close().await;
    let answer = api.get("/server/ready").send().await;
    answer.fails(503, "storage_failed", None, true, "the database does not answer");
}

#[tokio::test]
async fn unknown_routes_are_404() {
    let api = Api::with_session("t").await;
    for path in
        ["/", "/session", "/session/", "/session/init/", "/SESSION/INIT", "/send/nothing", "/metrics", "/%00", "//"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let answer = api.ask(method, path).token("t").admin().send().await;
            answer.fails(404, "unknown_route", None, false, "unknown route");
        }
    }
}

#[tokio::test]
async fn wrong_methods_are_405_with_allow() {
    let api = Api::with_session("t").await;
    for (path, allow) in [
        ("/session/init", "POST"),
        ("/session/connect", "POST"),
        ("/session/qr", "GET,HEAD"),
        ("/session/all", "GET,HEAD"),
        ("/webhook", "GET,HEAD,POST"),
        ("/send/text", "POST"),
        ("/server/ok", "GET,HEAD"),
    ] {
        for method in [Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = api.ask(method, path).token("t").admin().send().await;
            let text = "this route has other methods: see the Allow header";
            answer.fails(405, "method_not_allowed", None, false, text);
            assert_eq!(answer.header("allow"), allow, "{path}");
        }
    }
}

#[tokio::test]
async fn a_sane_request_id_is_taken_over() {
    let api = Api::new().await;
    let id = |sent: &'static [u8]| {
        let ask = api.get("/server/ok").header("x-request-id", sent);
        async { ask.send().await.header("x-request-id").to_owned() }
    };
    assert_eq!(id(b"job-7:a_b.c").await, "job-7:a_b.c");
    for insane in [&b""[..], b"a b", b"\xff", b"<script>", &[b'a'; 129]] {
        let made = id(insane.to_vec().leak()).await;
        assert_eq!(made.len(), 32, "{made}");
    }
    let other = api.get("/server/ok").send().await;
    assert_ne!(other.header("x-request-id"), api.get("/server/ok").send().await.header("x-request-id"));
}
