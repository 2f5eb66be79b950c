import "reflect-metadata";
import * as W from "kont";
import { IsString, IsInt, Min, validate, validateSync, ValidateNested } from "class-validator";
import { plainToInstance, Type } from "class-transformer";
class Line { @IsString() sku!: string; @IsInt() @Min(1) qty!: number }
class Order { @IsString() id!: string; @ValidateNested({ each: true }) @Type(() => Line) lines!: Line[] }
export default async function main() {
  const order = plainToInstance(Order, { id: "1", lines: [{ sku: "a", qty: 0 }] });
  await W.ref("one");
  const errors = await validate(order);
  await W.ref("two");
  console.log(order instanceof Order, order.lines[0] instanceof Line, errors.length, JSON.stringify(errors[0]?.children?.[0]?.children?.[0]?.constraints), validateSync(plainToInstance(Line, { sku: "a", qty: 2 })).length);
  return 1;
}
