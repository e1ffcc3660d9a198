//! A handle on the VideoRoom plugin, over a WebSocket of its own.

use futures_util::{SinkExt, StreamExt};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::LoadError;

const PLUGIN: &str = "janus.plugin.videoroom";

pub(super) struct Handle {
    stream: WebSocketStream<TcpStream>,
    session: u64,
    handle: u64,
    transaction: u64,
}

/// What the plugin answered.
pub(super) struct Answer(Value);

impl Answer {
    /// The session description that came with it.
    ///
    /// # Errors
    /// [`LoadError::Protocol`] when there is none.
    pub(super) fn sdp(&self) -> Result<String, LoadError> {
        let sdp = self.0["jsep"]["sdp"].as_str();
        sdp.map(str::to_owned)
            .ok_or_else(|| LoadError::Protocol(format!("no description in {}", self.0)))
    }
}

impl Handle {
    /// Opens a session and attaches to the plugin.
    ///
    /// # Errors
    /// [`LoadError::Socket`], [`LoadError::Protocol`] when it is refused.
    pub(super) async fn open(port: u16) -> Result<Self, LoadError> {
        let mut request = format!("ws://127.0.0.1:{port}/").into_client_request()?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await?;
        let mut handle = Self {
            stream,
            session: 0,
            handle: 0,
            transaction: 0,
        };
        handle.session = handle.made(json!({"janus": "create"})).await?;
        let attach = json!({"janus": "attach", "plugin": PLUGIN, "session_id": handle.session});
        handle.handle = handle.made(attach).await?;
        Ok(handle)
    }

    /// Asks the plugin for something.
    ///
    /// # Errors
    /// [`LoadError::Protocol`] when it refuses, [`LoadError::Socket`].
    pub(super) async fn request(
        &mut self,
        body: &Value,
        jsep: Option<Value>,
    ) -> Result<Answer, LoadError> {
        let mut message = json!({
            "janus": "message",
            "session_id": self.session,
            "handle_id": self.handle,
            "body": body,
        });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        self.ask(message).await.map(Answer)
    }

    /// Hears out whatever comes, so that nothing piles up, until `stopped`.
    pub(super) async fn listen(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                message = self.stream.next() => if !matches!(message, Some(Ok(_))) {
                    return;
                },
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    async fn made(&mut self, message: Value) -> Result<u64, LoadError> {
        let answer = self.ask(message).await?;
        let id = answer["data"]["id"].as_u64();
        id.ok_or_else(|| LoadError::Protocol(format!("no id in {answer}")))
    }

    async fn ask(&mut self, mut message: Value) -> Result<Value, LoadError> {
        self.transaction += 1;
        let transaction = self.transaction.to_string();
        message["transaction"] = Value::from(transaction.as_str());
        self.stream.send(Message::text(message.to_string())).await?;
        while let Some(message) = self.stream.next().await {
            let Message::Text(text) = message? else {
                continue;
            };
            let answer: Value =
                serde_json::from_str(&text).map_err(|e| LoadError::Protocol(e.to_string()))?;
            // What is not the answer is news of the connection; what is only acknowledged is answered later.
            if answer["transaction"] != transaction.as_str() || answer["janus"] == "ack" {
                continue;
            }
            let refused = &answer["plugindata"]["data"]["error"];
            if answer["janus"] == "error" || !refused.is_null() {
                return Err(LoadError::Protocol(format!("Janus: {answer}")));
            }
            return Ok(answer);
        }
        Err(LoadError::Socket("Janus closed the connection".to_owned()))
    }
}
