"""The base model: pretrained on scene graphs, or taken from a local Hugging Face folder."""


rule base:
    input:
        plan.base_inputs,
        ancient([paths.questions] if plan.builds_vocabulary else []),
    output:
        multiext(f"{paths.base}/", "model.safetensors", "config.json", "tokenizer.json"),
    log:
        f"{paths.logs}/base.log",
    benchmark:
        f"{paths.benchmarks}/base.tsv"
    conda:
        ENVIRONMENT
    threads: study.resources.pretrain.threads
    resources:
        mem_mb=grown(study.resources.pretrain.mem_mb),
        runtime=grown(study.resources.pretrain.runtime),
        gpu=study.resources.pretrain.gpu,
    params:
        # A function: the braces of a prompt template are no wildcards.
        settings=lambda wildcards: settings(
            backbone=study.backbone, pretraining=study.pretraining
        ),
        inputs=plan.base_arguments,
        # Words, and answers to choose from, are all that matters of the training questions.
        words=lambda wildcards: plan.vocabulary_hash(),
        seed=study.pretraining.seed,
        folder=subpath(output[0], parent=True),
        scratch=f"{paths.root}/scratch/base",
        code=code("verbs.pretrain", f"backbones.{study.backbone.family}"),
    shell:
        "python -m continual_vqa pretrain {params.inputs:q} --seed {params.seed}"
        " --settings {params.settings:q} --threads {threads}"
        " --scratch {params.scratch:q} --out {params.folder:q} > {log:q} 2> >(tee -a {log:q} >&2)"
