// The table of settings as text for people: the terminal, README.md, .env.example.
#ifndef SUNLEAD_APP_CONFIG_TEXT_H
#define SUNLEAD_APP_CONFIG_TEXT_H

#include "app/config.h"
#include "base/arena.h"
#include "base/buf.h"

// config_text_values() adds a line for each setting: name, value, source, help. Secrets are ***.
void config_text_values(struct buf *text, const struct config *config, struct arena *arena);

// config_text_markdown() adds the table of settings for README.md.
void config_text_markdown(struct buf *text);

// config_text_env_example() adds a .env with every setting at its default, commented out.
void config_text_env_example(struct buf *text);

#endif
