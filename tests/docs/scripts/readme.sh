# The README's first transcript: everything in manifests/ is applied; then one model is new, one changed, one removed.
set -e
cp -R "$REPOSITORY/manifests" "$REPOSITORY/reconciler.yaml" "$REPOSITORY/schemas" .
reconciler apply --yes
cat >manifests/hosted/mistral.yaml <<'END'
kind: Model
key: mistral-small
display_name: Mistral Small
provider: {name: mistral, model: mistral-small-latest}
tags: [hosted]
END
sed -i 's/temperature: 0.2/temperature: 0.4/; s/\[support, prod\]/[support, prod, eu]/' manifests/self-hosted/support-chat.yaml
python - manifests/hosted/openai.yaml <<'END'
import sys, pathlib
file = pathlib.Path(sys.argv[1])
first, second, _ = file.read_text().split("---\n")  # the last one, text-embedding-3-small, goes
file.write_text(first + "---\n" + second)
END
