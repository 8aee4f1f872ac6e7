// How large a message is on the wire, headers included: the references carry as many bytes as what they stand for.
import type { Msg, MsgHdrsImpl } from 'nats';

export function wireSize(msg: Msg): number {
  const headers = msg.headers as MsgHdrsImpl | undefined;
  return msg.data.length + (headers?.encode().length ?? 0);
}
