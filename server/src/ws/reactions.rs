//! `msg.react`.

use protocol::ErrorCode;
use protocol::command::MsgReact;

use super::commands::{Answer, Done, to_user};
use super::connection::Client;
use crate::time::now_ms;

impl Client {
    pub(super) async fn react(&self, react: MsgReact) -> Answer<Done> {
        let emoji = emoji(&react.emoji).ok_or(ErrorCode::BadRequest)?;
        self.may_write("")?;
        let (app, me) = (self.app.clone(), self.me.person.id.clone());
        // On its own, as a message that is sent.
        let reacted = tokio::spawn(async move {
            let reacted = app
                .store
                .react(&react.id, &me, emoji, react.on, now_ms())
                .await;
            if let Some(event) = reacted.map_err(to_user)? {
                app.switchboard.publish(event).await;
            }
            Ok(Done {})
        });
        reacted.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a reaction panicked");
            Err(ErrorCode::Internal.into())
        })
    }
}

/// The emoji in its canonical form, fully qualified (UTS #51, ED-18), if the text is one that is recommended for general
/// interchange. Others would be shown as several or as boxes, and two forms of one as two.
fn emoji(text: &str) -> Option<&'static str> {
    emojis::get(text).map(emojis::Emoji::as_str)
}

#[cfg(test)]
mod tests {
    use super::emoji;

    #[test]
    fn an_emoji_is_one_of_unicodes_list_and_has_one_form() {
        for whole in ["👍", "👍🏽", "❤️", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇷🇺", "1️⃣", "🫱🏻‍🫲🏿"]
        {
            assert_eq!(emoji(whole), Some(whole));
        }
        assert_eq!(emoji("❤"), Some("❤️"));
        for none in [
            "",
            " ",
            "a",
            "1",
            "👍👍",
            "👍 ",
            "x👍",
            "🏻",
            "🇷",
            "\u{fe0f}",
            "\u{200d}",
            "привет",
            ":+1:",
            "<b>",
            "👍\0",
        ] {
            assert_eq!(emoji(none), None, "{none:?}");
        }
        assert_eq!(emoji(&"👍".repeat(10_000)), None);
    }
}
