"""Model families behind one interface (`base.Backbone`); each names its parts, vision and language.

| file | what |
|---|---|
| base.py | the interface that training, evaluation and consolidation use |
| families.py | the table of families, imported when used |
| folder.py | base folders and tensor files: safetensors only, every tensor accounted for |
| tokens.py | tokenizer.json: reading, and training a word-level one |
| t5_vision.py | the family: visual tokens in front of a T5 encoder-decoder |
| sampling.py | answers drawn from the model token by token |
| attention_maps.py | the attention weights of a forward pass, of any family |
| t5.py, t5_layers.py, t5_attention.py, visual.py, beam.py, pixels.py, huggingface.py | its pieces |
| decoder.py | what the next two share: a language model that reads visual tokens in its prompt |
| llava.py, llava_net.py | the family: CLIP tower, projector, Llama, by transformers |
| paligemma.py, paligemma_net.py | the family: SigLIP tower, projector, Gemma, by transformers |
| classifier.py, classes.py | models that choose their answer, from a list or among choices |
| prompts.py | questions with their choices as a model reads them |
| vilt.py, vilt_net.py, vilt_folder.py | the family: one transformer for words and patches |
| vilt_heads.py | its heads for choices and for pairs of images |
| decoder_net.py, decoder_folder.py, decoder_adapter.py, answering.py, chat.py | their pieces |
| lora.py, lora_layer.py | low-rank factors on a family's linear layers |
"""
