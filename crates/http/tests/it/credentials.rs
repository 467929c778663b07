use http::{Method, StatusCode};

use crate::api::{ADMIN, Api};

const ADMIN_ROUTES: &[(Method, &str)] = &[
    (Method::POST, "/session/init"),
    (Method::GET, "/session/all"),
    (Method::POST, "/session/scanned"),
    (Method::POST, "/session/delete"),
    (Method::POST, "/session/rotate"),
];

const SESSION_ROUTES: &[(Method, &str)] = &[
    (Method::POST, "/session/connect"),
    (Method::POST, "/session/pair"),
    (Method::GET, "/session/qr"),
    (Method::GET, "/session/status"),
    (Method::POST, "/session/disconnect"),
    (Method::POST, "/session/logout"),
    (Method::GET, "/webhook"),
    (Method::POST, "/webhook"),
    (Method::POST, "/send/text"),
];

#[tokio::test]
async fn admin_routes_need_the_admin_token() {
    let api = Api::with_session("session-token").await;
    for (method, path) in ADMIN_ROUTES {
        let ask = || api.ask(method.clone(), path).token("session-token");
        for answer in [
            ask().send().await,
            ask().header("admintoken", "").send().await,
            ask().header("admintoken", "wrong").send().await,
            ask().header("admintoken", "session-token").send().await,
            ask().header("admintoken", b"\xff").send().await,
            ask().header("admintoken", "x".repeat(10_000)).send().await,
            ask().header("authorization", "Bearer session-token").send().await,
            ask().header("authorization", format!("Basic {ADMIN}")).send().await,
            // The first one shown counts.
            ask().header("admintoken", "wrong").header("authorization", format!("Bearer {ADMIN}")).send().await,
            // Not in the query, which is logged on the way.
            api.ask(method.clone(), &format!("{path}?admintoken={ADMIN}")).token("session-token").send().await,
        ] {
            answer.fails(401, "invalid_admin_token", None, false, "invalid admin token");
        }
    }
}

#[tokio::test]
async fn session_routes_need_a_session_token() {
    let api = Api::with_session("session-token").await;
    for (method, path) in SESSION_ROUTES {
        let ask = || api.ask(method.clone(), path).body("{");
        for answer in [
            ask().send().await,
            ask().token("").send().await,
            ask().token("   ").send().await,
            ask().token("wrong").send().await,
            ask().token("Session-Token").send().await,
            ask().token(ADMIN).admin().send().await,
            ask().header("token", b"\xff").send().await,
            ask().token(&"x".repeat(10_000)).send().await,
            ask().header("authorization", format!("Bearer {ADMIN}")).send().await,
            ask().header("authorization", "session-token").send().await,
            api.ask(method.clone(), &format!("{path}?token=wrong")).send().await,
        ] {
            answer.fails(401, "invalid_token", None, false, "invalid token");
        }
    }
}

#[tokio::test]
async fn a_session_token_is_taken_from_header_query_or_bearer() {
    let api = Api::with_session("session-token").await;
    for ask in [
        api.get("/webhook").token("session-token"),
        api.get("/webhook").token("  session-\ttoken "),
        api.get("/webhook?token=session-token"),
        api.get("/webhook?a=b&Token=session%20-token"),
        api.get("/webhook").header("authorization", "Bearer session-token"),
        api.get("/webhook").header("authorization", "bearer   session-token "),
    ] {
        let answer = ask.send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
}

#[tokio::test]
async fn the_admin_token_is_taken_from_header_or_bearer() {
    let api = Api::new().await;
    for ask in [
        api.get("/session/all").admin(),
        api.get("/session/all").header("admintoken", format!(" {ADMIN} ")),
        api.get("/session/all").header("authorization", format!("Bearer {ADMIN}")),
    ] {
        assert_eq!(ask.send().await.text, r#"{"code":200,"data":[],"success":true}"#);
    }
}

#[tokio::test]
async fn a_target_is_named_by_its_token() {
    let api = Api::with_session("session-token").await;
    for path in ["/session/delete", "/session/rotate"] {
        for ask in [
            api.post(path).admin(),
            api.post(path).admin().token("wrong"),
            api.post(path).header("authorization", format!("Bearer {ADMIN}")),
        ] {
            ask.send().await.fails(401, "invalid_token", None, false, "invalid token");
        }
    }
}
