//! What fewer bits cost: perplexity of a text that the model was not trained on.

use crate::fixtures::repository;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{Device, Precision, Tokenizer, WolfgangGenerator};

/// Goethe's Erlkönig is not in the Faust that the model was trained on.
#[test]
fn fewer_bits_raise_perplexity_by_less_than_promised() {
    let poem = std::fs::read_to_string(repository("xtask/data/erlkoenig.txt")).unwrap();
    let perplexity = |precision: Precision| {
        let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
        let model = checkpoint.into_model_with(&Device::flex(), precision, &mut ());
        let tokenizer = Tokenizer::from_file(repository("models/faust/tokenizer.json"));
        let generator = WolfgangGenerator::new(model.unwrap(), tokenizer.unwrap()).unwrap();
        generator.score(&poem).unwrap().perplexity().unwrap()
    };
    let exact = perplexity(Precision::F32);
    for (precision, most) in [
        (Precision::F16, 0.001),
        (Precision::Bf16, 0.001),
        (Precision::Int8, 0.005),
    ] {
        let more = perplexity(precision) / exact - 1.0;
        println!("MORE {precision} {more}");
        assert!(more <= most, "{precision}: {more} above {exact}");
    }
}
