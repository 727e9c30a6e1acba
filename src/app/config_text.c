// Printing the table of settings.
#include "app/config_text.h"

#define NAME_WIDTH  28
#define VALUE_WIDTH 45

void config_text_values(struct buf *text, const struct config *config, struct arena *arena)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *setting = &config_settings[i];
        struct str value = config_value(config, setting, arena);
        if (value.ptr == NULL)
            value = STR("-");
        buf_printf(text, "%-*s  %-*.*s  %-11s  %s\n", NAME_WIDTH, setting->name, VALUE_WIDTH,
                   STR_ARG(value), config_source_name(config->sources[i]), setting->help);
    }
}

void config_text_markdown(struct buf *text)
{
    BUF_LITERAL(text, "| setting | default | what it is |\n|---|---|---|\n");
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *setting = &config_settings[i];
        const char *tick = setting->value == NULL ? "" : "`";
        buf_printf(text, "| `%s` | %s%s%s | %s |\n", setting->name, tick,
                   setting->value == NULL ? "" : setting->value, tick, setting->help);
    }
}

void config_text_env_example(struct buf *text)
{
    BUF_LITERAL(text, "# Settings of sunlead: copy to .env, take the # away from what you change.\n"
                      "# The environment wins over this file. An empty value is the default.\n");
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *setting = &config_settings[i];
        buf_printf(text, "\n# %s\n#%s=%s\n", setting->help, setting->name,
                   setting->value == NULL ? "" : setting->value);
    }
}
