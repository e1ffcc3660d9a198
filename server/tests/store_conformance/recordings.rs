//! Files that were recorded in the page.

use protocol::FileId;
use protocol::model::Attachment;
use protocol::recording::{Recording, RecordingKind};
use server::store::NewFile;

use crate::school::{on_both, school, text};

#[tokio::test]
async fn what_is_known_of_a_recording_stays_with_its_file() {
    on_both(|store| async move {
        let s = school(store).await;
        let recording = |kind, ms, wave| Some(Recording { kind, ms, wave });
        let all = [
            recording(RecordingKind::Voice, 7_420, (0..=31).collect()),
            recording(RecordingKind::Video, 62_000, Vec::new()),
            None,
        ];
        let mut send = text(&s.room, "c1", "");
        for (k, rec) in all.iter().enumerate() {
            let file = Attachment {
                id: FileId::parse(format!("f{k}")).unwrap(),
                name: "Голосовое сообщение.m4a".to_owned(),
                size: 41_873,
                mime: "video/mp4".to_owned(),
                sha256: "00".repeat(32),
                preview: None,
                rec: rec.clone(),
            };
            let new = NewFile {
                room: &s.room,
                owner: &s.misha,
                file: &file,
            };
            s.store.add_file(new, 1).await.unwrap();
            let found = s.store.file_for(&file.id, &s.misha).await.unwrap().unwrap();
            assert_eq!(found.file, file);
            send.att.push(file.id);
        }
        let sent = s.send(&s.misha, &send).await.message;
        let told: Vec<_> = sent.att.iter().map(|file| file.rec.clone()).collect();
        assert_eq!(told, all);
    })
    .await;
}
