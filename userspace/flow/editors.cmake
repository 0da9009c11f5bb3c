# Editors of bodies: body_editor.h is what the rest of flow sees of them.
veilwire_library(editors
  SRCS anthropic_sse_editor.cpp base64_text.cpp body_editor.cpp byte_text.cpp conversation.cpp conversation_memory.cpp editor_base.cpp element_cache.cpp form_body_editor.cpp head_value.cpp json_body_editor.cpp json_editor.cpp masked_span.cpp mcp_sse_editor.cpp
       notice.cpp packed_text.cpp plain_text_editor.cpp recorded_editor.cpp request_elements.cpp sse_body_editor.cpp sse_edit.cpp text_filter.cpp
  DEPS base crypto wire message masking policy audit)
