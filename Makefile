# Names for the scripts; each also runs on its own.
.PHONY: run test lint fuzz services-up services-down
run: ; go run ./local
test: ; ./scripts/test
lint: ; ./scripts/lint
fuzz: ; ./scripts/test --fuzz 30s
services-up: ; ./scripts/services up
services-down: ; ./scripts/services down

# sam build calls these.
build-%Function: ; ./scripts/lambda-build $(shell echo $* | tr A-Z a-z) $(ARTIFACTS_DIR)
