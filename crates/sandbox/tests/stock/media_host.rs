//! The client's way to the media host.

/// The client insists on `https`, and trusts no authority but those of the web: it is led to the network's plain port.
pub struct Rewritten {
    pub http: reqwest::Client,
    pub to: String,
}

#[whatsapp_rust::async_trait]
impl whatsapp_rust::http::HttpClient for Rewritten {
    async fn execute(
        &self,
        request: whatsapp_rust::http::HttpRequest,
    ) -> whatsapp_rust::anyhow::Result<whatsapp_rust::http::HttpResponse> {
        let rest = request.url.strip_prefix("https://").and_then(|url| url.find('/').map(|at| url[at..].to_owned()));
        let url = format!("{}{}", self.to, rest.expect("an address on the web"));
        let mut sent = self.http.request(request.method.parse()?, url);
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        let answer = sent.body(request.body.unwrap_or_default()).send().await?;
        let status_code = answer.status().as_u16();
        Ok(whatsapp_rust::http::HttpResponse { status_code, body: answer.bytes().await?.to_vec() })
    }
}
